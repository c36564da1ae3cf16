import type { Registry } from 'prom-client';
import type { GatewayPlugin } from '../src/contract/index.ts';
import { type AccessLogOptions, accessLog } from './access-log/index.ts';
import { measuredAuthJwt } from './auth-jwt/index.ts';
import { countedAuthorization } from './authorization/index.ts';
import { cors } from './cors/index.ts';
import { clientAddresses, compression, requestLimits, securityHeaders } from './edge-policy/index.ts';
import { externalAuthorization } from './external-authorization/index.ts';
import { faultInjection } from './fault-injection/index.ts';
import { type MetricsOptions, metrics } from './metrics/index.ts';
import { type Peers, rateLimits } from './rate-limit/index.ts';
import { requestId } from './request-id/index.ts';
import { withOwn } from './specs.ts';
import { type TracingOptions, tracing } from './tracing/index.ts';

export interface PluginOptions {
  readonly accessLog: AccessLogOptions;
  /** Where metrics are registered; the admin listener shows it. */
  readonly registry: Registry;
  /** Where rate limits of scope `shared` are counted. */
  readonly redisUrl: string | undefined;
  /** Other workers, with which rate limits of scope `local` are shared. Default: none. */
  readonly peers?: Peers | undefined;
  /** Default: ours alone. */
  readonly metrics?: MetricsOptions;
  /** Default: off. */
  readonly tracing?: TracingOptions;
  /** The network team's own, in their order. */
  readonly own?: readonly GatewayPlugin[];
}

const NO_TRACING: TracingOptions = { endpoint: undefined, samplingPercent: 0 };

/** The shared concerns, in the order of their pure halves in specs.ts. A team can switch none of them off. */
export function gatewayPlugins({
  accessLog: logging,
  registry,
  redisUrl,
  peers,
  metrics: counting,
  tracing: traces,
  own = [],
}: PluginOptions): readonly GatewayPlugin[] {
  const { rateLimit, identityRateLimit } = rateLimits({ redisUrl, registry, peers });
  const chain = [
    requestId,
    tracing(traces ?? NO_TRACING, registry),
    accessLog(logging, registry),
    metrics(registry, counting),
    securityHeaders,
    compression,
    clientAddresses,
    requestLimits,
    rateLimit,
    externalAuthorization,
    measuredAuthJwt(registry),
    countedAuthorization(registry),
    identityRateLimit,
    faultInjection,
    cors,
  ] as readonly GatewayPlugin[];
  return withOwn(chain, own, ({ spec }) => spec.name);
}
