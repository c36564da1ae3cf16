import { hostMatches } from '../../table/index.ts';
import type { Route, RouteTable } from '../../table/model.ts';
import { actionText, conditionTexts, ownerText, pathText } from './describe.ts';

/** One route of one domain at one port. */
export interface RouteRow {
  readonly port: number;
  readonly routeConfig: string;
  readonly host: string;
  readonly path: string;
  /** Besides the path. */
  readonly conditions: readonly string[];
  /** Whose it is. */
  readonly namespace: string;
  readonly kind: string;
  readonly name: string;
  readonly delegate: string | undefined;
  readonly owner: string;
  readonly file: string;
  /** undefined: it is an object of a cluster. */
  readonly line: number | undefined;
  readonly action: Route['action']['kind'];
  readonly destination: string;
  readonly id: string;
}

export interface RowFilter {
  /** Domains that take this host. */
  readonly host?: string | undefined;
  readonly namespace?: string | undefined;
  /** `name`, `namespace/name` or `Kind/namespace/name`; a delegate's too. */
  readonly owner?: string | undefined;
}

/** The table route by route: by port and domain, and there in the order in which they are tried. */
export function routeRows(table: RouteTable, filter: RowFilter = {}): readonly RouteRow[] {
  const host = filter.host?.toLowerCase();
  const rows: RouteRow[] = [];
  for (const config of [...table.routeConfigs].sort((a, b) => a.port - b.port || (a.name < b.name ? -1 : 1)))
    for (const virtualHost of config.virtualHosts) {
      if (host !== undefined && host !== virtualHost.domain && !hostMatches(virtualHost.domain, host)) continue;
      for (const route of virtualHost.routes)
        if (fits(route, filter)) rows.push(rowOf(route, config.port, config.name, virtualHost.domain));
    }
  return rows;
}

function fits({ owner }: Route, filter: RowFilter): boolean {
  const names = [owner.name, `${owner.namespace}/${owner.name}`, `${owner.kind}/${owner.namespace}/${owner.name}`];
  const delegate = owner.delegate === undefined ? [] : [owner.delegate, owner.delegate.split('/')[1]];
  const namespaces = [owner.namespace, owner.delegate?.split('/')[0]];
  return (
    (filter.namespace === undefined || namespaces.includes(filter.namespace)) &&
    (filter.owner === undefined || [...names, ...delegate].includes(filter.owner))
  );
}

const rowOf = (route: Route, port: number, routeConfig: string, host: string): RouteRow => ({
  port,
  routeConfig,
  host,
  path: pathText(route.match.path),
  conditions: conditionTexts(route.match),
  namespace: route.owner.namespace,
  kind: route.owner.kind,
  name: route.owner.name,
  delegate: route.owner.delegate,
  owner: ownerText(route.owner),
  file: route.owner.file,
  line: route.owner.line === 0 ? undefined : route.owner.line,
  action: route.action.kind,
  destination: actionText(route),
  id: route.id,
});
