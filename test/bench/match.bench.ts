/** How long choosing a route takes at 10, 1,000 and 10,000 routes, and binding a table. Run by plain node. */
import { type BoundTable, bindTable } from '../../src/table/bind.ts';
import type { RequestFacts } from '../../src/table/facts.ts';
import { matchRequest } from '../../src/table/match.ts';
import type { Route, RouteTable, VirtualHost } from '../../src/table/model.ts';
import {
  config,
  exact,
  header,
  host,
  is,
  like,
  prefix,
  query,
  regex,
  request,
  route,
  table,
} from '../unit/table/builders.ts';

const SIZES = [10, 1_000, 10_000];
const ROUNDS = 7;
const CALLS = 60_000;
const HEADERS: readonly (readonly [string, string])[] = [
  ['user-agent', 'Mozilla/5.0 (X11; Linux x86_64)'],
  ['accept', 'application/json'],
  ['accept-encoding', 'gzip, br'],
  ['cookie', 'session=0123456789abcdef; theme=dark'],
  ['x-forwarded-for', '203.0.113.7'],
  ['x-forwarded-proto', 'http'],
  ['x-request-id', '6d1f4e0e-2b6b-4f0e-9f1c-1b1b1b1b1b1b'],
];

interface Scenario {
  readonly name: string;
  /** The i-th of n routes, or a whole table. */
  readonly make: (n: number) => RouteTable;
  readonly ask: (i: number) => RequestFacts;
}

const pad = (i: number): string => String(i).padStart(5, '0');
const oneHost = (n: number, make: (i: number) => Route): RouteTable =>
  table([config([host('shop.example.com', [...Array.from({ length: n }, (_, i) => make(i)), route('rest')])])]);
const ask = (target: string, extra: readonly (readonly [string, string])[] = []): RequestFacts =>
  request(target, { headers: [...HEADERS, ...extra] });

const scenarios: readonly Scenario[] = [
  {
    name: 'prefix',
    make: (n) => oneHost(n, (i) => route(`r${i}`, { path: prefix(`/svc-${pad(i)}/`) })),
    ask: (i) => ask(`/svc-${pad(i)}/orders/17`),
  },
  {
    name: 'prefix, letter case ignored',
    make: (n) => oneHost(n, (i) => route(`r${i}`, { path: prefix(`/svc-${pad(i)}/`, true) })),
    ask: (i) => ask(`/SVC-${pad(i)}/orders/17`),
  },
  {
    name: 'exact',
    make: (n) => oneHost(n, (i) => route(`r${i}`, { path: exact(`/orders/${pad(i)}`) })),
    ask: (i) => ask(`/orders/${pad(i)}`),
  },
  {
    name: 'one path, a header each',
    make: (n) =>
      oneHost(n, (i) => route(`r${i}`, { path: prefix('/api'), headers: [header('x-preview', is(`pr-${i}`))] })),
    ask: (i) => ask('/api/orders', [['x-preview', `pr-${i}`]]),
  },
  {
    name: 'one path, a header name each',
    make: (n) =>
      oneHost(n, (i) => route(`r${i}`, { path: prefix('/api'), headers: [header(`x-team-${i}`, is('on'))] })),
    ask: (i) => ask('/api/orders', [[`x-team-${i}`, 'on']]),
  },
  {
    name: 'one path, a header pattern each',
    make: (n) =>
      oneHost(n, (i) => route(`r${i}`, { path: prefix('/api'), headers: [header('x-build', like(`v${i}\\.[0-9]+`))] })),
    ask: (i) => ask('/api/orders', [['x-build', `v${i}.7`]]),
  },
  {
    name: 'one path, a query value each',
    make: (n) =>
      oneHost(n, (i) => route(`r${i}`, { path: prefix('/api'), queryParams: [query('tenant', is(`t${i}`))] })),
    ask: (i) => ask(`/api/orders?page=2&tenant=t${i}`),
  },
  {
    name: 'one path, a method each',
    make: (n) => oneHost(n, (i) => route(`r${i}`, { headers: [header(':method', is(`M${i}`))] })),
    ask: (i) => ({ ...ask('/api/orders'), method: `M${i}` }),
  },
  {
    name: 'regex, literal beginnings',
    make: (n) => oneHost(n, (i) => route(`r${i}`, { path: regex(`/svc-${pad(i)}/v[0-9]+/.*`) })),
    ask: (i) => ask(`/svc-${pad(i)}/v1/orders`),
  },
  {
    name: 'regex, alike at the beginning',
    make: (n) => oneHost(n, (i) => route(`r${i}`, { path: regex(`/v[0-9]+/svc-${pad(i)}/.*`) })),
    ask: (i) => ask(`/v1/svc-${pad(i)}/orders`),
  },
  {
    name: 'many hosts',
    make: (n) => table([config(Array.from({ length: n }, (_, i) => hostOf(i)))]),
    ask: (i) => ({ ...ask('/v1/orders'), host: `team-${i}.example.com` }),
  },
  {
    name: 'many wildcard hosts',
    make: (n) =>
      table([config(Array.from({ length: n }, (_, i) => ({ ...hostOf(i), domain: `*.team-${i}.example.com` })))]),
    ask: (i) => ({ ...ask('/v1/orders'), host: `a.b.team-${i}.example.com` }),
  },
];

function hostOf(i: number): VirtualHost {
  const paths = ['/v1/', '/v2/', '/admin', '/static/'];
  return host(`team-${i}.example.com`, [
    ...paths.map((path) => route(`${i}${path}`, { path: prefix(path) })),
    route(`${i}/rest`),
  ]);
}

function measure(bound: BoundTable, requests: readonly RequestFacts[]): number {
  let found = 0;
  const start = process.hrtime.bigint();
  for (let i = 0; i < CALLS; i++) {
    if (matchRequest(bound, 'http.80', requests[i % requests.length] as RequestFacts).index >= 0) found += 1;
  }
  const elapsed = Number(process.hrtime.bigint() - start) / CALLS;
  if (found !== CALLS) throw new Error(`${found} of ${CALLS} requests found a route`);
  return elapsed;
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;

const rows = scenarios.map(({ name, make, ask: requestOf }) => {
  // The same number of different requests at each size, so that caches of the machine weigh alike.
  const cases = SIZES.map((n) => ({
    bound: bindTable(make(n)),
    requests: Array.from({ length: 10 }, (_, i) => requestOf(Math.floor((i * n) / 10))),
    times: [] as number[],
  }));
  for (let round = 0; round < ROUNDS; round++) {
    for (const one of cases) one.times.push(measure(one.bound, one.requests));
  }
  const [small = 0, middle = 0, large = 0] = cases.map(({ times }) => median(times.slice(1)));
  return {
    'ns per match': name,
    'at 10': Math.round(small),
    'at 1,000': Math.round(middle),
    'at 10,000': Math.round(large),
    growth: Number((large / small).toFixed(2)),
  };
});
console.table(rows);

const definition = table([config(Array.from({ length: 10_000 }, (_, i) => hostOf(i)))]);
const timed = <T>(work: () => T): { readonly value: T; readonly ms: number } => {
  const start = process.hrtime.bigint();
  const value = work();
  return { value, ms: Number((Number(process.hrtime.bigint() - start) / 1e6).toFixed(1)) };
};
const first = timed(() => bindTable(definition));
const edited = table([
  config((definition.routeConfigs[0]?.virtualHosts ?? []).map((old, i) => (i === 5_000 ? hostOf(i) : old))),
]);
const second = timed(() => bindTable(edited, first.value));
const oneBigHost = scenarios[0]?.make(10_000) as RouteTable;
console.table([
  { bind: '10,000 virtual hosts, 50,000 routes', ms: first.ms },
  { bind: '… one of them changed', ms: second.ms },
  { bind: 'one virtual host, 10,000 prefixes', ms: timed(() => bindTable(oneBigHost)).ms },
  { bind: '10,000 patterns', ms: timed(() => bindTable(scenarios[9]?.make(10_000) as RouteTable)).ms },
]);
