import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { filterSpecs } from '../../plugins/specs.ts';
import type { Compilation } from '../../src/compiler/compilation.ts';
import { createCompiler } from '../../src/compiler/index.ts';
import { DEFAULT_MESH_SETTINGS } from '../../src/resources/index.ts';
import { type ResourceSet, resourceSet } from '../../src/resources/set.ts';
import { decodeFile } from '../../src/sources/decode-file.ts';
import { readDirectory } from '../../src/sources/directory.ts';
import { type FileState, readFileState } from '../../src/sources/file-state.ts';
import { type FileShare, mergeFiles } from '../../src/sources/merge.ts';
import { bindTable } from '../../src/table/bind.ts';
import { matchRequest } from '../../src/table/match.ts';
import { seeded } from '../support/seeded.ts';
import { request } from '../unit/table/builders.ts';
import { mutate } from './poison-mutations.ts';

const EXAMPLES = path.join(import.meta.dirname, '../../routes-examples');
const RICH = path.join(import.meta.dirname, 'poison-team.yaml');
const TEAM = 'shop';
const MUTATIONS = 10_000;

// In memory where there is such a place: the files are written ten thousand times.
const work = mkdtempSync(path.join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'banyan-poison-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));

const newCompiler = () =>
  createCompiler({
    gatewayLabels: { istio: 'ingressgateway', app: 'istio-ingressgateway' },
    // As routes-examples/.banyan.yaml says.
    gatewayNamespace: 'platform',
    mesh: DEFAULT_MESH_SETTINGS,
    filters: filterSpecs,
  });

/* ------------------------------------------------- what is another team's */

const texts = new WeakMap<object, string>();
function textOf(value: object): string {
  const text = texts.get(value) ?? JSON.stringify(value);
  texts.set(value, text);
  return text;
}

/** Everything served that is not of these namespaces: routes by place and order, clusters and addresses, policies, listeners. */
function sliceWithout(namespaces: ReadonlySet<string>, { table, endpoints }: Compilation): ReadonlyMap<string, string> {
  const slice = new Map<string, string>([
    ['settings', textOf(table.settings)],
    ['filters', textOf(table.filters)],
  ]);
  const used = new Set<string>();
  for (const { name, virtualHosts } of table.routeConfigs)
    for (const { domain, requireTls, routes } of virtualHosts) {
      const others = routes.filter(({ owner }) => !namespaces.has(owner.namespace));
      if (others.length === 0) continue;
      slice.set(`${name} ${domain}`, `${requireTls} ${others.map(textOf).join('\n')}`);
      for (const route of others) {
        // Where a team brings a host of its own, routes of wider hosts are repeated there: they must say the same.
        slice.set(`${name} ${route.id}`, textOf(route));
        if (route.action.kind === 'forward') for (const { cluster } of route.action.destinations) used.add(cluster);
      }
    }
  for (const cluster of table.clusters) if (used.has(cluster.id)) slice.set(cluster.id, textOf(cluster));
  for (const id of used) slice.set(`${id} endpoints`, textOf(endpoints.clusters[id] ?? []));
  for (const listener of table.listeners) slice.set(`listener ${listener.port}`, textOf(listener));
  return slice;
}

/** What the others have among themselves is there, byte for byte. */
function expectUntouched(others: ReadonlyMap<string, string>, compiled: Compilation, namespaces: ReadonlySet<string>) {
  const now = sliceWithout(namespaces, compiled);
  for (const [what, text] of others) expect(now.get(what), what).toBe(text);
}

/* ------------------------------------------------------------ broken files */

describe('a broken file beside good ones', () => {
  const broken = readdirSync(path.join(EXAMPLES, 'broken')).filter((name) => name.endsWith('.yaml'));

  it.each(broken)('%s harms nobody else', async (name) => {
    const directory = path.join(work, name);
    cpSync(EXAMPLES, directory, { recursive: true });
    rmSync(path.join(directory, 'broken'), { recursive: true });
    const compiler = newCompiler();
    const read = () => readDirectory({ directory, decode: decodeFile });
    const others = sliceWithout(new Set(), compiler.compile((await read()).resources));
    mkdirSync(path.join(directory, 'broken'));
    cpSync(path.join(EXAMPLES, 'broken', name), path.join(directory, 'broken', name));
    const after = await read();
    const compiled = compiler.compile(after.resources);
    expectUntouched(others, compiled, new Set(['broken']));
    const findings = [...after.diagnostics, ...compiled.diagnostics];
    expect(findings.some(({ location }) => location?.file === `broken/${name}`)).toBe(true);
    bindTable(compiled.table);
  });
});

/* --------------------------------------------------------------- mutations */

interface GoodFile {
  readonly file: string;
  readonly text: string;
  state: FileState;
}

class Line {
  readonly #compiler = newCompiler();
  #set: ResourceSet | undefined;
  #bound: ReturnType<typeof bindTable> | undefined;

  /** From what files say to a table that requests are held against. */
  run(states: readonly FileState[]): Compilation {
    const shares = states.map(
      ({ found, namespace, content }): FileShare => ({
        file: found.file,
        namespace: namespace ?? '',
        content,
        kept: [],
        frozenSinceMs: undefined,
      }),
    );
    this.#set = resourceSet(mergeFiles(shares).objects, this.#set);
    const compiled = this.#compiler.compile(this.#set);
    this.#bound = bindTable(compiled.table, this.#bound);
    for (const { name } of compiled.table.routeConfigs)
      for (const host of ['shop.example.com', 'orders.example.com', 'nowhere.test'])
        matchRequest(this.#bound, name, request('/orders/17?a=b', { host, headers: [['x-preview', 'pr-42']] }));
    return compiled;
  }
}

let writes = 0;
async function stateOf(file: string, content: string | Buffer, previous: FileState | undefined): Promise<FileState> {
  const at = path.join(work, 'one.yaml');
  writeFileSync(at, content);
  writes += 1;
  const stamp = { key: String(writes), size: content.length, modifiedMs: 0 };
  return readFileState(
    { file, path: at, stamp },
    previous,
    { decode: decodeFile, maxFileBytes: 10 * 1_048_576 },
    1_000_000,
  );
}

const yamlFiles = (): readonly string[] =>
  readdirSync(EXAMPLES, { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.yaml') && /^\w+\//.test(file) && !file.startsWith('broken/'),
  );

describe('any file of a team', () => {
  it(`gone wrong in ${MUTATIONS} ways harms nobody else`, { timeout: 120_000 }, async () => {
    const others: FileState[] = [];
    const good: GoodFile[] = [];
    const add = async (file: string, text: string) => {
      const state = await stateOf(file, text, undefined);
      if (file.startsWith(`${TEAM}/`)) good.push({ file, text, state });
      else others.push(state);
    };
    const addAll = async (file: string, text: string) => {
      // A document a file, so that whatever is not gone wrong stays the same object, as in a running gateway.
      for (const [index, document] of text.split('\n---\n').entries())
        await add(file.replace('.yaml', `-${index}.yaml`), document);
    };
    for (const file of yamlFiles()) await addAll(file, readFileSync(path.join(EXAMPLES, file), 'utf8'));
    await addAll(`${TEAM}/rich.yaml`, readFileSync(RICH, 'utf8'));
    expect(good.flatMap(({ state }) => state.content.refusals)).toEqual([]);

    const line = new Line();
    const untouched = sliceWithout(new Set(), line.run(others));
    expect(untouched.size).toBeGreaterThan(15);
    const random = seeded(20_261_124);
    const seen = { refused: 0, served: 0, objects: 0 };
    for (let i = 0; i < MUTATIONS; i++) {
      const victim = good[i % good.length] as GoodFile;
      const bytes = mutate(victim.text, random);
      const state = await stateOf(victim.file, bytes, victim.state);
      const team = good.map((one) => (one === victim ? state : one.state));
      try {
        expectUntouched(untouched, line.run([...others, ...team]), new Set([TEAM]));
      } catch (error) {
        throw new Error(`mutation ${i} of ${victim.file}:\n${bytes.toString('latin1')}`, { cause: error });
      }
      if (state.content.refusals.length > 0) seen.refused += 1;
      else seen.served += 1;
      seen.objects += state.content.objects.length;
    }
    // Both kinds of mishap are among them: those that are found, and those that make another valid file.
    expect(seen.refused).toBeGreaterThan(MUTATIONS / 10);
    expect(seen.served).toBeGreaterThan(MUTATIONS / 20);
    expect(seen.objects).toBeGreaterThan(MUTATIONS / 5);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });
});
