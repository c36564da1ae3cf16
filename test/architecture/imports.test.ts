import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

/**
 * Who may import whom (ARCHITECTURE.md). `types`: rooms of which only types may be taken. `node`: built-in modules that
 * a room may use; undefined: any.
 */
const RULES: Readonly<
  Record<
    string,
    { readonly may: readonly string[]; readonly types?: readonly string[]; readonly node?: readonly string[] }
  >
> = {
  kernel: { may: [], node: [] },
  diagnostics: { may: ['kernel'], node: ['node:assert'] },
  resources: { may: ['kernel', 'diagnostics'], types: ['table'], node: ['node:assert'] },
  contract: { may: ['kernel', 'table'], types: ['diagnostics'] },
  table: { may: ['kernel'], types: ['contract'], node: ['node:assert'] },
  compiler: { may: ['resources', 'diagnostics', 'table', 'contract', 'kernel'], node: ['node:assert', 'node:crypto'] },
  sources: { may: ['resources', 'diagnostics', 'kernel'] },
  control: { may: ['sources', 'compiler', 'table', 'resources', 'diagnostics', 'kernel'] },
  dataplane: { may: ['table', 'contract', 'kernel'] },
  plugins: { may: ['contract', 'kernel'], types: ['resources'] },
  admin: {
    may: [
      'kernel',
      'diagnostics',
      'resources',
      'contract',
      'table',
      'compiler',
      'sources',
      'control',
      'dataplane',
      'cli',
      'settings',
      'plugins',
    ],
  },
  admission: { may: ['kernel', 'diagnostics', 'resources', 'contract', 'table', 'compiler', 'sources', 'control'] },
  cli: {
    may: [
      'kernel',
      'diagnostics',
      'resources',
      'contract',
      'table',
      'compiler',
      'sources',
      'control',
      'dataplane',
      'admin',
      'settings',
      'plugins',
      'examples',
    ],
  },
  settings: { may: ['kernel'] },
  main: {
    may: [
      'kernel',
      'diagnostics',
      'resources',
      'contract',
      'table',
      'compiler',
      'sources',
      'control',
      'dataplane',
      'admin',
      'admission',
      'cli',
      'settings',
      'plugins',
      'examples',
    ],
  },
};

const root = path.resolve(import.meta.dirname, '../..');

interface Import {
  readonly from: string;
  readonly target: string;
  readonly typesOnly: boolean;
}

function filesUnder(dir: string): string[] {
  return readdirSync(path.join(root, dir), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)));
}

const IMPORT = /^(?:import|export)\s+(type\s+)?(?:[^'";]*?\sfrom\s+)?'([^']+)'|import\('([^']+)'\)/gm;

function importsOf(file: string): Import[] {
  const text = readFileSync(path.join(root, file), 'utf8');
  return [...text.matchAll(IMPORT)].map(([statement, type, named, dynamic]) => {
    const specifier = named ?? dynamic ?? '';
    const onlyInlineTypes = /^import\s*\{\s*(?:type\s+[\w$]+(?:\s+as\s+[\w$]+)?\s*,?\s*)+\}/.test(statement);
    const target = specifier.startsWith('.')
      ? path.relative(root, path.resolve(root, path.dirname(file), specifier))
      : specifier;
    return { from: file, target, typesOnly: type !== undefined || onlyInlineTypes };
  });
}

function roomOf(file: string): string {
  const [top = '', second = ''] = file.split('/');
  if (top === 'plugins') return 'plugins';
  if (top === 'routes-examples') return 'examples';
  return second.endsWith('.ts') ? second.slice(0, -3) : second;
}

const files = [...filesUnder('src'), ...filesUnder('plugins')];
const imports = files.flatMap(importsOf);

describe('the house', () => {
  it('has a rule for every room', () => {
    expect([...new Set(files.map(roomOf))].filter((room) => RULES[room] === undefined)).toEqual([]);
  });

  it('is entered only by the doors that ARCHITECTURE.md names', () => {
    const wrong = imports.filter(({ from, target, typesOnly }) => {
      if (!/^(src|plugins|routes-examples)\//.test(target)) return false;
      const [room, other] = [roomOf(from), roomOf(target)];
      const rule = RULES[room];
      return (
        room !== other && rule !== undefined && !rule.may.includes(other) && !(typesOnly && rule.types?.includes(other))
      );
    });
    expect(wrong.map(({ from, target }) => `${from} imports ${target}`)).toEqual([]);
  });

  it('keeps effects out of the pure rooms', () => {
    const wrong = imports.filter(({ from, target }) => {
      const allowed = RULES[roomOf(from)]?.node;
      return target.startsWith('node:') && allowed !== undefined && !allowed.includes(target);
    });
    expect(wrong.map(({ from, target }) => `${from} imports ${target}`)).toEqual([]);
  });

  it('lets no plugin know another', () => {
    const wrong = imports.filter(({ from, target }) => {
      const [, own = ''] = from.split('/');
      return (
        from.startsWith('plugins/') &&
        !own.endsWith('.ts') &&
        target.startsWith('plugins/') &&
        target.split('/')[1] !== own
      );
    });
    expect(wrong.map(({ from, target }) => `${from} imports ${target}`)).toEqual([]);
  });

  it('has no circle of imports that run', () => {
    const graph = new Map(
      files.map((file) => [
        file,
        imports.filter((entry) => entry.from === file && !entry.typesOnly).map((entry) => entry.target),
      ]),
    );
    expect(findCircle(graph)).toBeUndefined();
  });

  it('reads the environment in settings.ts alone', () => {
    const readers = files.filter(
      (file) => file !== 'src/settings.ts' && /process\.env\b/.test(readFileSync(path.join(root, file), 'utf8')),
    );
    expect(readers).toEqual([]);
  });

  it('sees a door that is not allowed', () => {
    expect(importsOf('src/dataplane/index.ts').some(({ target }) => target.startsWith('src/table/'))).toBe(true);
    expect(RULES['table']?.may.includes('dataplane')).toBe(false);
  });
});

function findCircle(graph: ReadonlyMap<string, readonly string[]>): string | undefined {
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string): string | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file].join(' → ');
    if (done.has(file)) return undefined;
    path.push(file);
    for (const next of graph.get(file) ?? []) {
      const circle = visit(next);
      if (circle !== undefined) return circle;
    }
    path.pop();
    done.add(file);
    return undefined;
  };
  for (const file of graph.keys()) {
    const circle = visit(file);
    if (circle !== undefined) return circle;
  }
  return undefined;
}
