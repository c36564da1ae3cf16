import { describe, expect, it } from 'vitest';
import type { Compilation } from '../../../src/compiler/compilation.ts';
import { compile, createCompiler } from '../../../src/compiler/index.ts';
import { type Resource, type ResourceSet, resourceSet } from '../../../src/resources/index.ts';
import { compileOptions, parseResources } from '../../support/resources.ts';
import { seeded } from '../../support/seeded.ts';
import { documents, gateway, hostOf, http, https, service, TO_WEB, virtualService } from './builders.ts';

const TEAMS = ['cart', 'search', 'users'];
const OPTIONS = compileOptions({ filters: [{ name: 'note', kinds: [], compileRoute: ({ rule }) => rule['fault'] }] });

const vs = (name: string, host: string, path: string): string =>
  virtualService(
    name,
    `hosts: [${host}], gateways: [infra/public], http: [{ match: [{ uri: { prefix: ${path} } }], ${TO_WEB} }, { ${TO_WEB} }]`,
  );

/** By namespace. */
type World = Map<string, readonly Resource[]>;

function newWorld(): World {
  const infra = gateway('public', `${http(80, "'*.example.com'")}, ${https(443, "'*.example.com'")}`);
  const world: World = new Map([['infra', parseResources(infra, 'infra')]]);
  for (const team of TEAMS) world.set(team, parseResources(teamOf(team, 0), team));
  return world;
}

const teamOf = (team: string, edition: number): string =>
  documents(
    service('web'),
    vs('own', `${team}.example.com`, `/v${edition}`),
    vs('shared', 'shared.example.com', `/${team}/v${edition}`),
    virtualService('part', `http: [{ ${TO_WEB} }]`),
  );

const setOf = (world: World, previous?: ResourceSet): ResourceSet => resourceSet([...world.values()].flat(), previous);

/** Everything that a compilation says, as text; key order and identity do not count. */
const asText = ({ table, endpoints, diagnostics, statuses }: Compilation): string =>
  JSON.stringify([table, endpoints, diagnostics, statuses]);

const SERVERS = [
  http(80, "'*.example.com'"),
  `${http(80, "'*.example.com'")}, ${https(443, "'*.example.com'")}`,
  `${http(80, 'shared.example.com', ', tls: { httpsRedirect: true }')}, ${http(80, "'cart/*'")}`,
  `${http(81, "'*'")}, ${https(443, 'cart.example.com')}, ${https(443, "'*.example.com'")}`,
];

function edit(world: World, next: () => number): void {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)] as T;
  const team = pick(TEAMS);
  const name = pick(['own', 'shared', 'extra']);
  const host = pick([
    'shared.example.com',
    `${team}.example.com`,
    "'*.example.com'",
    'shared.example.com, other.example.com',
  ]);
  const texts: readonly (() => string)[] = [
    () => vs(name, host, pick(['/a', '/a/b', '/', `/${team}`])),
    () =>
      virtualService(
        name,
        `hosts: [${host}], gateways: [infra/public], http: [{ delegate: { name: part, namespace: ${pick(TEAMS)} } }, { ${TO_WEB} }]`,
      ),
    () =>
      virtualService(
        name,
        `hosts: [${host}], gateways: [${pick(['infra/public', 'infra/gone', 'mesh'])}], http: [{ match: [{ port: ${pick([80, 443, 9])} }], route: [{ destination: { host: ${pick(['web', 'gone', 'new'])} } }] }]`,
      ),
    () => virtualService('part', `http: [{ match: [{ uri: { prefix: ${pick(['/a', '/z'])} } }], ${TO_WEB} }]`),
    () =>
      service(pick(['web', 'new']), pick(['{ name: http, port: 80 }', '{ name: a, port: 80 }, { name: b, port: 81 }'])),
  ];
  if (next() < 0.1) {
    world.set('infra', parseResources(gateway('public', pick(SERVERS)), 'infra'));
    return;
  }
  const [object] = parseResources(pick(texts)(), team);
  const others = (world.get(team) ?? []).filter(
    (known) => known.ref.kind !== object?.ref.kind || known.ref.name !== object.ref.name,
  );
  world.set(team, object === undefined || next() < 0.2 ? others : [...others, object]);
}

describe('a compiler that remembers', () => {
  it.each([1, 2, 3, 4, 5, 6])('says after any edits what one without a past says: seed %i', (seed) => {
    const next = seeded(seed);
    const compiler = createCompiler(OPTIONS);
    const world = newWorld();
    let set: ResourceSet | undefined;
    for (let round = 0; round < 40; round++) {
      set = setOf(world, set);
      const fresh = compile(resourceSet([...world.values()].flat().reverse()), OPTIONS);
      expect(asText(compiler.compile(set)), `round ${round}`).toBe(asText(fresh));
      edit(world, next);
    }
  });

  it('says so in a large world too, where few and many change at once', () => {
    const next = seeded(7);
    const compiler = createCompiler(OPTIONS);
    const world = newWorld();
    const many = (edition: number): readonly Resource[] =>
      Array.from({ length: 140 }, (_, i) =>
        vs(`own-${i}`, `h${i}.example.com`, i % 20 === 0 ? `/v${edition}` : '/v'),
      ).flatMap((text) => parseResources(text, 'cart'));
    let crowd = many(0);
    let set: ResourceSet | undefined;
    for (let round = 0; round < 8; round++) {
      const all = [...world.values(), crowd].flat();
      set = resourceSet(all, set);
      const fresh = compile(resourceSet(all.toReversed()), OPTIONS);
      expect(asText(compiler.compile(set)), `round ${round}`).toBe(asText(fresh));
      const place = Math.floor(next() * crowd.length);
      if (round % 4 === 0)
        crowd = crowd.with(
          place,
          parseResources(vs(`own-${place}`, `h${place}.example.com`, '/w'), 'cart')[0] as Resource,
        );
      else if (round % 4 === 1) crowd = crowd.toSpliced(place, 1);
      else if (round % 4 === 2) crowd = many(round);
      else edit(world, next);
    }
  });

  it('hands out the very same compilation parts when nothing changed', () => {
    const compiler = createCompiler(OPTIONS);
    const world = newWorld();
    const set = setOf(world);
    const first = compiler.compile(set);
    const second = compiler.compile(setOf(world, set));
    expect(second.table).toBe(first.table);
    expect(second.endpoints).toBe(first.endpoints);
    expect(second.diagnostics).toBe(first.diagnostics);
  });

  it('hands out the same virtual hosts but for the one whose VirtualService was edited', () => {
    const compiler = createCompiler(OPTIONS);
    const world = newWorld();
    const before = compiler.compile(setOf(world));
    const edited = parseResources(teamOf('cart', 1), 'cart').filter(({ ref }) => ref.name === 'own');
    world.set('cart', [...(world.get('cart') ?? []).filter(({ ref }) => ref.name !== 'own'), ...edited]);
    const after = compiler.compile(setOf(world));
    expect(after.table.revision).not.toBe(before.table.revision);
    expect(hostOf(after, 'cart.example.com')).not.toBe(hostOf(before, 'cart.example.com'));
    for (const domain of ['search.example.com', 'users.example.com', 'shared.example.com']) {
      expect(hostOf(after, domain)).toBe(hostOf(before, domain));
    }
    expect(after.table.clusters).toBe(before.table.clusters);
    expect(after.table.listeners).toBe(before.table.listeners);
  });

  it('leaves routes alone when a service changes that they do not lead to', () => {
    const compiler = createCompiler(OPTIONS);
    const world = newWorld();
    const before = compiler.compile(setOf(world));
    world.set('users', [...(world.get('users') ?? []), ...parseResources(service('new'), 'users')]);
    const after = compiler.compile(setOf(world));
    expect(after.table).toBe(before.table);
  });

  it('does not touch the table when endpoints change', () => {
    const slice = (address: string) =>
      parseResources(
        `
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: web-1, labels: { kubernetes.io/service-name: web } }
addressType: IPv4
ports: [{ name: http, port: 8080 }]
endpoints: [{ addresses: [${address}] }]`,
        'cart',
      );
    const compiler = createCompiler(OPTIONS);
    const world = newWorld();
    const team = world.get('cart') ?? [];
    world.set('cart', [...team, ...slice('10.0.0.1')]);
    const before = compiler.compile(setOf(world));
    world.set('cart', [...team, ...slice('10.0.0.2')]);
    const after = compiler.compile(setOf(world));
    expect(after.table).toBe(before.table);
    expect(after.endpoints).not.toBe(before.endpoints);
  });
});
