import type { FilterContext, PolicyObject } from '../../src/contract/index.ts';
import { parseDurationMs } from '../../src/kernel/duration.ts';
import type { RateLimitBody, RateLimitEntry, RateLimitMatch, RateLimitRule } from '../../src/resources/kinds.ts';

/** One RateLimit of scope `service`: whom to ask, and what about. */
export interface RateLimitServiceSettings {
  /** undefined: it is not known here, so that nobody can be asked. */
  readonly cluster: string | undefined;
  /** `host:port`; also what metrics call it. */
  readonly authority: string;
  readonly domain: string;
  readonly timeoutMs: number;
  readonly onFailure: 'allow' | 'deny';
  readonly rules: readonly DescriptorRule[];
}

export interface DescriptorRule {
  /** Shown to callers. */
  readonly name: string;
  readonly match: RateLimitMatch;
  readonly entries: readonly RateLimitEntry[];
}

/** What a service that is slow or gone may add to a request (edge-security L-06). Envoy's 20 ms are short for a connection that is to be made yet. */
const DEFAULT_TIMEOUT_MS = 50;

/** `identity`: the rules that need a verified token, or else the others. undefined: none of them. */
export function serviceOf(
  policy: PolicyObject,
  context: FilterContext,
  identity: boolean,
): RateLimitServiceSettings | undefined {
  const { spec } = policy.body as RateLimitBody;
  const rules = spec.rules.filter((rule) => isByClaim(rule) === identity);
  if (spec.service === undefined || rules.length === 0) return undefined;
  const { host, port, domain, timeout } = spec.service;
  const cluster = context.resolveCluster(host, port, context.gatewayNamespace);
  if (cluster === undefined) {
    context.report({
      object: policy.ref,
      code: 'unknown-rate-limit-service',
      field: ['spec', 'service', 'host'],
      message: `the rate-limit service ${host}:${port} is not known here`,
    });
  } else if (!context.speaksHttp2(host, port, context.gatewayNamespace)) {
    context.report({
      object: policy.ref,
      code: 'service-needs-http2',
      field: ['spec', 'service', 'port'],
      message: `the rate-limit service ${host}:${port} is asked over gRPC, and its port is spoken to in HTTP/1.1`,
    });
  }
  const parsed = timeout === undefined ? undefined : parseDurationMs(timeout);
  return {
    cluster,
    authority: `${host}:${port}`,
    domain,
    timeoutMs: parsed?.ok === true && parsed.value > 0 ? parsed.value : DEFAULT_TIMEOUT_MS,
    onFailure: spec.onStoreFailure ?? 'allow',
    rules: rules.map(({ name, match = {}, descriptor = [] }) => ({ name, match, entries: descriptor })),
  };
}

export const isByClaim = ({ descriptor = [] }: RateLimitRule): boolean =>
  descriptor.some(({ from }) => needsClaim(from));

export const needsClaim = (source: unknown): boolean =>
  typeof source === 'object' && source !== null && 'claim' in source;
