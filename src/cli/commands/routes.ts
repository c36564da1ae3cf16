import { type RouteRow, routeRows } from '../../admin/views/route-rows.ts';
import { formatPlace } from '../../diagnostics/index.ts';
import type { Settings } from '../../settings.ts';
import { loadRoutes } from '../load.ts';
import type { CliHost } from '../program.ts';
import { type Column, tableText } from '../table-text.ts';
import { mentionErrors } from './mention-errors.ts';

export interface RoutesOptions {
  readonly host?: string;
  readonly namespace?: string;
  readonly owner?: string;
  readonly output: 'text' | 'wide' | 'json';
}

const COLUMNS: readonly Column<RouteRow>[] = [
  { title: 'PORT', text: (row) => String(row.port), shrinks: false },
  { title: 'HOST', text: (row) => row.host, style: () => 'cyan' },
  { title: 'MATCH', text: (row) => [row.path, ...row.conditions].join(', ') },
  { title: 'OWNER', text: (row) => row.owner, style: () => 'magenta' },
  {
    title: 'DESTINATION',
    text: (row) => row.destination,
    style: (row) => (row.action === 'failed' ? 'red' : undefined),
  },
];
const WIDE: readonly Column<RouteRow>[] = [
  ...COLUMNS,
  { title: 'PLACE', text: ({ file, line = 0 }) => formatPlace({ file, line }) },
  { title: 'ROUTE', text: (row) => row.id },
];

/** `banyan routes`. */
export async function routes(settings: Settings, options: RoutesOptions, host: CliHost): Promise<number> {
  const { terminal } = host;
  const loaded = await loadRoutes(settings, host);
  const rows = routeRows(loaded.compilation.table, options);
  if (options.output === 'json') {
    terminal.out(`${JSON.stringify({ revision: loaded.compilation.table.revision, routes: rows }, null, 2)}\n`);
    return 0;
  }
  mentionErrors(loaded, terminal);
  if (rows.length === 0) {
    const filtered = options.host ?? options.namespace ?? options.owner;
    terminal.err(
      filtered === undefined
        ? `there are no routes in ${loaded.place}\n`
        : 'no route fits what was asked for; without a filter all are listed\n',
    );
    return 0;
  }
  // "wide" is never cut: whoever asks for it wants to see everything.
  terminal.out(
    options.output === 'wide'
      ? tableText(WIDE, rows, terminal, undefined)
      : tableText(COLUMNS, rows, terminal, terminal.width),
  );
  return 0;
}
