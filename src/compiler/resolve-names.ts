import type { Destination, HTTPMatchRequest, HTTPRoute } from '../resources/index.ts';
import { resolveGateway, resolveHost } from './names.ts';

/** A rule whose short names stand for what they mean in the namespace they were written in (istio-semantics §2.4, §2.8). */
export function resolveRule(rule: HTTPRoute, namespace: string, clusterDomain: string): HTTPRoute {
  const destination = (written: Destination): Destination => {
    const host = resolveHost(written.host, namespace, clusterDomain);
    return host === written.host ? written : { ...written, host };
  };
  return {
    ...rule,
    ...(rule.match !== undefined && { match: rule.match.map((match) => resolveMatch(match, namespace)) }),
    ...(rule.route !== undefined && {
      route: rule.route.map((entry) => ({ ...entry, destination: destination(entry.destination) })),
    }),
    ...(rule.mirror !== undefined && { mirror: destination(rule.mirror) }),
    ...(rule.mirrors !== undefined && {
      mirrors: rule.mirrors.map((mirror) => ({ ...mirror, destination: destination(mirror.destination) })),
    }),
  };
}

export function resolveMatch(match: HTTPMatchRequest, namespace: string): HTTPMatchRequest {
  if (match.gateways === undefined) return match;
  return { ...match, gateways: match.gateways.map((name) => resolveGateway(name, namespace)) };
}
