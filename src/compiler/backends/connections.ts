import type {
  ConnectionPoolSettings,
  OutlierDetection as OutlierSettings,
  TrafficPolicy,
} from '../../resources/kinds.ts';
import type { MeshSettings } from '../../resources/mesh-config.ts';
import type { Cluster, ConnectionSettings, OutlierDetection } from '../../table/model.ts';
import { durationMs } from '../duration.ts';
import { isHttp, isHttp2, type PortProtocol } from './port-protocol.ts';

const HOUR_MS = 3_600_000;
/** How long the systems we run on wait before the first probe when nobody says. */
const SYSTEM_KEEPALIVE_MS = 7_200_000;

/** 0 and absent mean the same in Istio's proto: no limit. */
const limit = (value: number | undefined): number | undefined => (value === 0 ? undefined : value);

/** 0s: no limit of time. */
const unlessZero = limit;

/** istio-semantics §3.4. */
export function connectionsOf(
  pool: ConnectionPoolSettings | undefined,
  retryBudget: TrafficPolicy['retryBudget'] | undefined,
  mesh: MeshSettings,
): ConnectionSettings {
  const { tcp, http } = pool ?? {};
  const keepAlive = http?.http2KeepAlive;
  const intervalMs = durationMs(keepAlive?.interval);
  const timeoutMs = durationMs(keepAlive?.timeout);
  return {
    connectTimeoutMs: durationMs(tcp?.connectTimeout) ?? mesh.connectTimeoutMs,
    maxConnections: limit(tcp?.maxConnections),
    maxPendingRequests: limit(http?.http1MaxPendingRequests),
    maxRequests: limit(http?.http2MaxRequests),
    maxRetries: retryBudget === undefined ? limit(http?.maxRetries) : undefined,
    retryBudget: retryBudget && {
      percent: retryBudget.percent ?? 20,
      minConcurrency: retryBudget.minRetryConcurrency ?? 3,
    },
    maxRequestsPerConnection: limit(http?.maxRequestsPerConnection),
    maxConcurrentStreams: limit(http?.maxConcurrentStreams),
    idleTimeoutMs: unlessZero(durationMs(http?.idleTimeout ?? tcp?.idleTimeout) ?? HOUR_MS),
    maxConnectionDurationMs: unlessZero(durationMs(tcp?.maxConnectionDuration)),
    tcpKeepaliveMs: tcp?.tcpKeepalive && (durationMs(tcp.tcpKeepalive.time) ?? SYSTEM_KEEPALIVE_MS),
    http2KeepAlive: intervalMs === undefined || timeoutMs === undefined ? undefined : { intervalMs, timeoutMs },
  };
}

/** What is spoken upstream: nothing is sniffed, and a client's HTTP/2 changes nothing (istio-semantics §3.4). */
export function protocolOf(
  port: PortProtocol,
  pool: ConnectionPoolSettings | undefined,
  mesh: MeshSettings,
): Cluster['protocol'] {
  // Said of this service, it counts for more than what the mesh says of all.
  if (pool?.http?.useClientProtocol === true) return 'client';
  const policy = pool?.http?.h2UpgradePolicy ?? 'DEFAULT';
  const upgrade = policy === 'UPGRADE' || (policy === 'DEFAULT' && mesh.h2Upgrade && isHttp(port));
  if (upgrade) return 'http2';
  return isHttp2(port) ? 'http2' : 'http1';
}

/**
 * istio-semantics §3.5. `consecutiveErrors` is accepted by Istio and read by nobody; a 0 for `maxEjectionPercent` or
 * `consecutiveLocalOriginFailures` is as if absent (ctp), for `consecutive5xxErrors` it is no limit at all.
 */
export function outlierDetectionOf(
  settings: OutlierSettings | undefined,
  countsUnready: boolean,
): OutlierDetection | undefined {
  if (settings === undefined) return undefined;
  return {
    consecutive5xx: settings.consecutive5xxErrors ?? 5,
    consecutiveGatewayErrors: settings.consecutiveGatewayErrors ?? 0,
    splitLocalOrigin: settings.splitExternalLocalOriginErrors ?? false,
    consecutiveLocalOriginFailures: settings.consecutiveLocalOriginFailures || 5,
    intervalMs: durationMs(settings.interval) ?? 10_000,
    baseEjectionTimeMs: durationMs(settings.baseEjectionTime) ?? 30_000,
    maxEjectionPercent: settings.maxEjectionPercent || 10,
    // Where who is not ready counts, a panic would send to those.
    minHealthPercent: countsUnready ? 0 : (settings.minHealthPercent ?? 0),
    errorStatuses: settings.outlierDetectionHttpErrorCodes ?? [],
  };
}
