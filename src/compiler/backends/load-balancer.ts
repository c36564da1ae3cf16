import type { ConsistentHashLB, LoadBalancerSettings } from '../../resources/kinds.ts';
import type { HashPolicy, LoadBalancer, Warmup } from '../../table/model.ts';
import { durationMs } from '../duration.ts';

const DEFAULT_RING_SIZE = 1024;
/** Envoy's. */
const DEFAULT_MAGLEV_TABLE = 65_537;

/** istio-semantics §3.3; LEAST_REQUEST where nothing else is said. */
export function loadBalancerOf(settings: LoadBalancerSettings | undefined): LoadBalancer {
  const hash = settings?.consistentHash;
  if (hash !== undefined) return hashing(hash);
  switch (settings?.simple) {
    case 'RANDOM':
      return { kind: 'random' };
    case 'ROUND_ROBIN':
      return { kind: 'round-robin', warmup: warmupOf(settings) };
    default:
      return { kind: 'least-request', warmup: settings && warmupOf(settings) };
  }
}

/** Original destination: nothing that an ingress has, so nobody can be chosen (istio-semantics §3.3). */
export const isPassthrough = (settings: LoadBalancerSettings | undefined): boolean =>
  settings?.simple === 'PASSTHROUGH' && settings.consistentHash === undefined;

function hashing(hash: ConsistentHashLB): LoadBalancer {
  if (hash.maglev !== undefined) return { kind: 'maglev', tableSize: hash.maglev.tableSize || DEFAULT_MAGLEV_TABLE };
  const asked = hash.ringHash?.minimumRingSize || hash.minimumRingSize;
  return { kind: 'ring-hash', minimumRingSize: asked || DEFAULT_RING_SIZE };
}

function warmupOf({ warmup, warmupDurationSecs }: LoadBalancerSettings): Warmup | undefined {
  const window = durationMs(warmup?.duration ?? warmupDurationSecs);
  if (window === undefined) return undefined;
  return { durationMs: window, minimumPercent: warmup?.minimumPercent ?? 10, aggression: warmup?.aggression ?? 1 };
}

export function hashPoliciesOf(hash: ConsistentHashLB | undefined): readonly HashPolicy[] {
  if (hash === undefined) return [];
  if (hash.httpHeaderName) return [{ kind: 'header', name: hash.httpHeaderName.toLowerCase() }];
  if (hash.httpCookie !== undefined) return [cookie(hash.httpCookie)];
  if (hash.useSourceIp === true) return [{ kind: 'source-ip' }];
  return hash.httpQueryParameterName ? [{ kind: 'query', name: hash.httpQueryParameterName }] : [];
}

/** No `ttl`: no cookie is ever set; part of a second is cut off (istio-semantics §3.3). */
function cookie({ name, path, ttl, attributes }: NonNullable<ConsistentHashLB['httpCookie']>): HashPolicy {
  const ttlMs = durationMs(ttl);
  return {
    kind: 'cookie',
    name: name ?? '',
    path: path ?? '',
    ttlSeconds: ttlMs === undefined ? undefined : Math.trunc(ttlMs / 1000),
    attributes: (attributes ?? []).map((attribute) => [attribute.name ?? '', attribute.value ?? '']),
  };
}
