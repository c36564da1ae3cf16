import { freePort } from '../support/gateway.ts';
import { Load, type LoadOptions, type LoadReport, type Loss } from './load.ts';
import {
  type GatewayProcess,
  type GatewayStart,
  startGatewayProcess,
  startUpstream,
  type Upstream,
} from './processes.ts';
import { gatewayYaml, type RoutesDirectory, routesDirectory, routeYaml, serviceYaml } from './routes.ts';

/** One line of the table. */
export interface Row {
  readonly fault: string;
  readonly count: number;
  readonly requests: number;
  readonly lost: number;
  readonly allowed: number;
  readonly recoveryMs: number | undefined;
  readonly note: string;
  /** What is wrong besides the losses. */
  readonly wrong: readonly string[];
  readonly examples: readonly Loss[];
}

/** A gateway, an upstream behind the host `shop.test`, and a directory of routes between them. */
export interface Scene {
  readonly port: number;
  readonly upstream: Upstream;
  readonly routes: RoutesDirectory;
  start(options?: Partial<GatewayStart>): Promise<GatewayProcess>;
  load(options?: Partial<LoadOptions>): Load;
  close(): void;
}

export async function openScene(): Promise<Scene> {
  const port = await freePort();
  const upstream = await startUpstream();
  const routes = routesDirectory();
  routes.write('infra/gateway.yaml', gatewayYaml(port));
  routes.write('shop/service.yaml', serviceYaml('shop', [['127.0.0.1', upstream.port]]));
  routes.write('shop/route.yaml', routeYaml('shop.test', 'shop'));
  return {
    port,
    upstream,
    routes,
    start: (options = {}) => startGatewayProcess({ dir: routes.dir, ...options }),
    load: (options = {}) => new Load({ port, ...options }),
    close: () => routes.close(),
  };
}

export interface Finding {
  readonly fault: string;
  readonly count: number;
  readonly allowed?: number;
  readonly recoveryMs?: number | undefined;
  readonly note?: string;
  readonly wrong?: readonly string[];
}

/** With what the upstream saw: a POST that came twice is a loss, whatever was answered. */
export async function rowOf(report: LoadReport, upstreams: readonly Upstream[], finding: Finding): Promise<Row> {
  const seen = await Promise.all(upstreams.map((upstream) => upstream.seen()));
  const doubled = report.posts.filter((id) => seen.reduce((sum, { ids }) => sum + (ids[id] ?? 0), 0) > 1);
  const losses = [...report.losses, ...doubled.map((id) => ({ id, kind: 'post', why: 'reached an upstream twice' }))];
  return {
    fault: finding.fault,
    count: finding.count,
    requests: report.requests,
    lost: losses.length,
    allowed: finding.allowed ?? 0,
    recoveryMs: finding.recoveryMs,
    note: [finding.note, `p99 ${Math.round(report.p99Ms)} ms`].filter(Boolean).join(', '),
    wrong: [...(finding.wrong ?? []), ...(doubled.length > 0 ? [`${doubled.length} POSTs doubled`] : [])],
    examples: losses.slice(0, 6),
  };
}

export const highest = (numbers: readonly number[]): number => numbers.reduce((most, one) => Math.max(most, one), 0);
