import type { LocalityLoadBalancerSetting } from '../../resources/kinds.ts';
import type { Endpoint } from '../../table/model.ts';
import type { CompileOptions } from '../compilation.ts';
import {
  type Locality,
  localityOfPod,
  NETWORK,
  NODE,
  parseLocality,
  REGION,
  SUBZONE,
  withLocalityLabels,
  ZONE,
} from './locality.ts';
import type { Member } from './members.ts';
import type { Labels } from './names.ts';
import type { BackendService } from './service.ts';
import type { EffectivePolicy } from './traffic-policy.ts';

/** How the places of endpoints matter to a cluster (istio-semantics §3.3). */
export type LocalityPlan = {
  /** A locality is chosen before an endpoint: where the setting says anything of localities but that they count. */
  readonly byLocality: boolean;
} & (
  | { readonly kind: 'none' }
  | {
      readonly kind: 'distribute';
      readonly shares: Readonly<Record<string, number>>;
      /** Who is not ready has a part of its locality's share. */
      readonly countsUnready: boolean;
    }
  | {
      readonly kind: 'failover';
      readonly gateway: Locality;
      readonly gatewayLabels: Labels;
      /** `label` or `label=value`, the most important first. */
      readonly priorityLabels: readonly string[];
      /** undefined: regions, zones and subzones do not count. */
      readonly regions: ReadonlyMap<string, string> | undefined;
    }
);

const NONE: LocalityPlan = { kind: 'none', byLocality: false };
const NEAREST_FIRST = { zone: [NETWORK, REGION, ZONE], node: [NETWORK, REGION, ZONE, SUBZONE, NODE] } as const;

/** The rule's setting before the service's wish before the mesh, where it is on; failing over needs outlierDetection. */
export function localityPlan(policy: EffectivePolicy, service: BackendService, options: CompileOptions): LocalityPlan {
  const gateway = parseLocality(localityOfPod(options.gatewayLabels));
  const own = policy.loadBalancer?.localityLbSetting;
  const wish = own === undefined ? service.near : undefined;
  const setting = own ?? (wish === undefined ? options.mesh.localityLbSetting : undefined);
  if (setting?.enabled === false) return NONE;
  if (setting?.distribute !== undefined && setting.distribute.length > 0)
    return distribution(setting, gateway, service.near !== undefined);
  if (wish === undefined && policy.outlierDetection === undefined) return NONE;
  const priorityLabels = wish === undefined ? (setting?.failoverPriority ?? []) : NEAREST_FIRST[wish];
  const failover = setting?.failover ?? [];
  const regions = new Map(failover.map(({ from = '', to = '' }) => [from, to]));
  return {
    kind: 'failover',
    byLocality: priorityLabels.length > 0 || failover.length > 0,
    gateway,
    gatewayLabels: withLocalityLabels(options.gatewayLabels, localityOfPod(options.gatewayLabels)),
    priorityLabels,
    regions: priorityLabels.length === 0 || failover.length > 0 ? regions : undefined,
  };
}

function distribution(setting: LocalityLoadBalancerSetting, gateway: Locality, countsUnready: boolean): LocalityPlan {
  const from = setting.distribute?.find((entry) => localityFits(gateway, entry.from ?? ''));
  if (from === undefined) return { kind: 'none', byLocality: true };
  return { kind: 'distribute', byLocality: true, shares: from.to ?? {}, countsUnready };
}

function localityFits(locality: Locality, pattern: string): boolean {
  const wanted = parseLocality(pattern);
  return (
    (wanted.region === '*' || wanted.region === locality.region) &&
    (['*', ''].includes(wanted.zone) || wanted.zone === locality.zone) &&
    (['*', ''].includes(wanted.subzone) || wanted.subzone === locality.subzone)
  );
}

/** The members as endpoints, with the weights and priorities that the plan gives them. */
export function placeMembers(members: readonly Member[], plan: LocalityPlan): readonly Endpoint[] {
  switch (plan.kind) {
    case 'none':
      return members.map((member) => toEndpoint(member, member.weight, 0));
    case 'distribute':
      return distribute(members, plan);
    case 'failover': {
      const ranks = members.map((member) => rankOf(member, plan));
      const dense = [...new Set(ranks)].sort((a, b) => a - b);
      return members.map((member, i) => toEndpoint(member, member.weight, dense.indexOf(ranks[i] ?? 0)));
    }
  }
}

const toEndpoint = ({ address, port, healthy, locality }: Member, weight: number, priority: number): Endpoint => ({
  address,
  port,
  weight,
  healthy,
  locality,
  priority,
});

/** So that shares of a hundred, divided over a locality's hosts, stay whole numbers nearly in proportion. */
const SHARE_SCALE = 1000;

/** Each locality gets its share, divided by weight among its members; localities without a share get nothing. */
function distribute(
  members: readonly Member[],
  { shares, countsUnready }: Extract<LocalityPlan, { kind: 'distribute' }>,
): readonly Endpoint[] {
  const patterns = Object.keys(shares);
  const shareOf = (member: Member): string | undefined =>
    patterns.find((pattern) => localityFits(parseLocality(member.locality), pattern));
  const totals = new Map<string, number>();
  for (const member of members) {
    const pattern = countsUnready || member.healthy ? shareOf(member) : undefined;
    if (pattern !== undefined) totals.set(pattern, (totals.get(pattern) ?? 0) + member.weight);
  }
  return members.flatMap((member) => {
    const pattern = shareOf(member);
    if (pattern === undefined) return [];
    const part = ((shares[pattern] ?? 0) * SHARE_SCALE * member.weight) / (totals.get(pattern) ?? member.weight);
    return [toEndpoint(member, Math.max(1, Math.round(part)), 0)];
  });
}

type Failover = Extract<LocalityPlan, { kind: 'failover' }>;

/** Five steps of nearness within each step of the labels; made dense afterwards. */
function rankOf(member: Member, plan: Failover): number {
  const byLabels = labelRank(withLocalityLabels(member.labels, member.locality), plan);
  return byLabels * 5 + (plan.regions === undefined ? 0 : nearness(parseLocality(member.locality), plan));
}

/** The earlier in the list a label differs, the later the endpoint's turn. */
function labelRank(labels: Labels, { priorityLabels, gatewayLabels }: Failover): number {
  const differs = priorityLabels.findIndex((entry) => {
    const [label = '', value] = entry.split('=', 2);
    return (labels[label] ?? '') !== (value ?? gatewayLabels[label] ?? '');
  });
  return differs < 0 ? 0 : priorityLabels.length - differs;
}

function nearness(place: Locality, { gateway, regions }: Failover): number {
  if (place.region === gateway.region) {
    if (place.zone !== gateway.zone) return 2;
    return place.subzone === gateway.subzone ? 0 : 1;
  }
  const next = regions?.get(gateway.region);
  return next === undefined || next === place.region ? 3 : 4;
}
