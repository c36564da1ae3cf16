import type { Registry } from 'prom-client';
import { gatewayPlugins } from '../../plugins/index.ts';
import type { Peers } from '../../plugins/rate-limit/index.ts';
import type { LogFields } from '../control/log.ts';
import { buildGateway, type Gateway } from '../dataplane/index.ts';
import { systemClock } from '../kernel/clock.ts';
import type { Settings } from '../settings.ts';
import type { Handle } from '../table/index.ts';
import type { CredentialTable, EndpointTable, RouteTable } from '../table/model.ts';
import { descriptorLimit } from './descriptors.ts';
import { dialGuardOf } from './dial-guard.ts';
import { downstreamLimitsOf, overloadLimitsOf } from './limits.ts';
import { loadOwnPlugins } from './own-plugins.ts';

export interface DataPlaneStart {
  readonly settings: Settings;
  /** How many serve, this one included: what is meant for all of them is shared out. */
  readonly processes: number;
  /** The others of them. */
  readonly peers?: Peers | undefined;
  readonly tables: Handle<RouteTable>;
  readonly endpoints: Handle<EndpointTable>;
  readonly credentials: Handle<CredentialTable>;
  readonly registry: Registry;
  readonly log: (level: 'info' | 'warn' | 'error', message: string, fields: LogFields) => void;
}

/** The gateway as the settings want it, alone in its process or as one of several workers. */
export async function startDataPlane(start: DataPlaneStart): Promise<Gateway> {
  const { settings, processes, tables, endpoints, credentials, registry, log } = start;
  const { accessLog, accessLogFile, listenAddress, portOffset, redisUrl } = settings;
  const { gatewayNamespace: namespace, gatewayLabels } = settings;
  const istio = settings.istioMetrics ? { namespace, labels: gatewayLabels } : undefined;
  const tracing = { endpoint: settings.otlpEndpoint, samplingPercent: settings.traceSampling };
  return buildGateway({
    tables,
    endpoints,
    credentials,
    plugins: gatewayPlugins({
      accessLog: { format: accessLog, target: accessLogFile ?? '-', sampling: settings.accessLogSampling },
      registry,
      redisUrl,
      peers: start.peers,
      metrics: { istio },
      tracing,
      own: await loadOwnPlugins(settings.plugin),
    }),
    listenAddress,
    portOffset,
    proxyProtocolFrom: settings.proxyProtocolFrom,
    fastLane: settings.fastLane,
    interimOverHttp1: settings.interimOverHttp1,
    clock: systemClock,
    mayDial: dialGuardOf(settings),
    limits: downstreamLimitsOf(settings, processes, descriptorLimit()),
    overload: overloadLimitsOf(settings, processes),
    // Workers share their ports, and a successor takes them over before its predecessor lets go.
    reusePort: process.platform === 'linux',
    onPluginLine: log,
    onError: (error, record) =>
      log('error', 'a request met an error of the gateway itself', {
        error: error instanceof Error ? error.stack : String(error),
        requestId: record?.requestId,
        route: record?.routeId,
      }),
  });
}
