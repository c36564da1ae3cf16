import { type Load, measure, missingTools, type Sample } from './lib/load.ts';
import {
  askedPrefix,
  type Peer,
  type Protocol,
  startBanyan,
  startBanyanWithPolicies,
  startEnvoy,
  startGrpcUpstream,
  startHaproxy,
  startHttpProxy,
  startNginx,
  startUpstream,
} from './lib/peers.ts';
import { type Bar, barPlot } from './lib/plot.ts';
import type { Section } from './lib/report.ts';
import { figure, median } from './lib/table.ts';

export interface ProxyOptions {
  readonly rounds: number;
  readonly seconds: number;
}

interface Scenario {
  readonly name: string;
  readonly protocol: Protocol;
  readonly path: string;
}

/** As browsers and other services send it. */
export const REQUEST_HEADERS: Readonly<Record<string, string>> = {
  'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
  accept: 'text/html,application/json;q=0.9,*/*;q=0.8',
  'accept-language': 'en-GB,en;q=0.7,de;q=0.3',
  'x-requested-with': 'XMLHttpRequest',
  cookie: 'session=0123456789abcdef0123456789abcdef; theme=dark',
};

const CONNECTIONS = 64;

/** The one that is also measured by the number of routes, and with each shared concern. */
export const SMALL: Scenario = { name: 'HTTP/1.1, 128 B', protocol: 'h1', path: '/small' };

const SCENARIOS: readonly Scenario[] = [
  SMALL,
  { name: 'HTTP/1.1, 16 KiB', protocol: 'h1', path: '/large' },
  { name: 'HTTP/1.1 over TLS, 128 B', protocol: 'tls', path: '/small' },
  { name: 'HTTP/2 in the clear, 128 B', protocol: 'h2c', path: '/small' },
  { name: 'gRPC, unary', protocol: 'grpc', path: '/bench.Echo/Say' },
];

/** What is compared with one another, and what each slice of it came to. */
export class Contest {
  readonly #samples = new Map<string, Sample[]>();

  /** All in turn, round by round, so that whatever else the machine does meets everybody. */
  async run(entries: readonly (readonly [name: string, peer: Peer, load: Load])[], rounds: number): Promise<void> {
    for (const [, peer, load] of entries) await measure(peer.program, { ...load, seconds: 1 });
    for (let round = 0; round < rounds; round++)
      for (const [name, peer, load] of entries) {
        const samples = this.#samples.get(name) ?? [];
        samples.push(await measure(peer.program, load));
        this.#samples.set(name, samples);
      }
  }

  of(name: string, what: (sample: Sample) => number): number {
    return median((this.#samples.get(name) ?? []).map(what));
  }

  failed(name: string): number {
    return (this.#samples.get(name) ?? []).reduce((sum, sample) => sum + sample.failed, 0);
  }

  /** Of the CPU time per request, in pairs of the same round. */
  ratio(name: string, to: string): number {
    const others = this.#samples.get(to);
    if (others === undefined) return Number.NaN;
    return median(
      (this.#samples.get(name) ?? []).map(
        (sample, i) => sample.cpuPerRequest / (others[i]?.cpuPerRequest ?? Number.NaN),
      ),
    );
  }

  row(name: string, label: string, to: string): readonly string[] {
    return [
      label,
      figure(this.of(name, (sample) => sample.cpuPerRequest)),
      figure(this.ratio(name, to)),
      figure(this.of(name, (sample) => sample.perSecond)),
      figure(this.of(name, (sample) => sample.p50Ms)),
      figure(this.of(name, (sample) => sample.p99Ms)),
      figure(this.of(name, (sample) => sample.residentMib)),
      String(this.failed(name)),
    ];
  }
}

export const loadOf = (peer: Peer, { protocol, path }: Scenario, routes: number, seconds: number): Load | undefined => {
  const port = peer.ports[protocol];
  if (port === undefined) return undefined;
  const scheme = protocol === 'tls' ? 'https' : 'http';
  if (protocol === 'grpc')
    return {
      url: `http://127.0.0.1:${port}${path}`,
      protocol: 'h2c',
      headers: { ':authority': 'grpc.test', 'content-type': 'application/grpc', te: 'trailers' },
      body: 'as long as a short message',
      connections: CONNECTIONS,
      seconds,
    };
  return {
    url: `${scheme}://127.0.0.1:${port}${askedPrefix(routes)}${path}`,
    protocol: protocol === 'h2c' ? 'h2c' : 'h1',
    headers: { ...REQUEST_HEADERS, [protocol === 'h2c' ? ':authority' : 'Host']: 'bench.test', ...peer.headers },
    connections: CONNECTIONS,
    seconds,
  };
};

const COLUMNS = ['CPU µs', '× nginx', 'requests/s', 'p50 ms', 'p99 ms', 'RSS MiB', 'failed'];

export interface ProxyResult {
  readonly section: Section;
  readonly plot: string;
}

export async function benchProxy(options: ProxyOptions): Promise<ProxyResult> {
  const missing = missingTools();
  if (missing.length > 0) throw new Error(`${missing.join(' and ')} must be installed (Debian: wrk, nghttp2-client)`);
  const upstream = await startUpstream();
  const grpc = await startGrpcUpstream();
  const started = [
    await startBanyan(upstream, 10, { grpc }),
    await startBanyanWithPolicies(upstream),
    await startBanyan(upstream, 10, { fastLane: false }),
    await startNginx(upstream, 10, grpc),
    await startHaproxy(upstream, grpc),
    await startHttpProxy(upstream),
    await startEnvoy(upstream),
  ];
  const peers = started.filter((peer) => typeof peer !== 'string');
  const contest = new Contest();
  const tables = [];
  const bars: Bar[] = [];
  for (const scenario of SCENARIOS) {
    const key = (peer: Peer): string => `${scenario.name} ${peer.name}`;
    const entries = peers.flatMap((peer) => {
      const load = loadOf(peer, scenario, 10, options.seconds);
      return load === undefined ? [] : [[key(peer), peer, load] as const];
    });
    await contest.run(entries, options.rounds);
    const taking = peers.filter((peer) => peer.ports[scenario.protocol] !== undefined);
    tables.push({
      columns: [scenario.name, ...COLUMNS],
      rows: taking.map((peer) => contest.row(key(peer), peer.name, `${scenario.name} nginx`)),
    });
    for (const peer of taking)
      bars.push({
        group: scenario.name,
        name: peer.name,
        value: contest.of(key(peer), (sample) => sample.cpuPerRequest),
      });
  }
  for (const { program } of peers) program.kill();
  return {
    section: { name: 'proxy', tables, notes: started.filter((peer) => typeof peer === 'string') },
    plot: barPlot('CPU time for one request, one core', 'µs', bars),
  };
}

const SIZES = [10, 1_000, 10_000];

export async function benchRoutes(options: ProxyOptions): Promise<Section> {
  const upstream = await startUpstream();
  const contest = new Contest();
  const rows: (readonly string[])[] = [];
  const contenders: { readonly key: string; readonly peer: Peer; readonly routes: number }[] = [];
  for (const routes of SIZES)
    for (const peer of [await startBanyan(upstream, routes), await startNginx(upstream, routes)])
      if (typeof peer !== 'string') contenders.push({ key: `${peer.name}, ${routes} routes`, peer, routes });
  const entries = contenders.flatMap(({ key, peer, routes }) => {
    const load = loadOf(peer, SMALL, routes, options.seconds);
    return load === undefined ? [] : [[key, peer, load] as const];
  });
  await contest.run(entries, options.rounds);
  for (const { key, peer, routes } of contenders)
    rows.push(contest.row(key, `${peer.name}, ${figure(routes)} routes`, `nginx, ${routes} routes`));
  for (const { peer } of contenders) peer.program.kill();
  return { name: 'routes', tables: [{ columns: ['128 B', ...COLUMNS], rows }] };
}
