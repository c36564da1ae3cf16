import type { ClusterId } from '../../table/model.ts';

/** `outbound|80|v1|reviews.shop.svc.cluster.local`, as Istio names it. */
export function clusterId(host: string, port: number, subset: string | undefined): ClusterId {
  return `outbound|${port}|${subset ?? ''}|${host}`;
}

export interface ClusterAddress {
  readonly host: string;
  readonly port: number;
  readonly subset: string | undefined;
}

/** undefined: no id that `clusterId` makes. */
export function parseClusterId(id: ClusterId): ClusterAddress | undefined {
  const [direction, port, subset, host, more] = id.split('|');
  if (direction !== 'outbound' || host === undefined || more !== undefined) return undefined;
  return { host, port: Number(port), subset: subset === '' ? undefined : subset };
}

/** The host itself, then every wildcard that covers it, the longest first. */
export function* coveringHosts(host: string): Generator<string> {
  yield host;
  for (let dot = host.indexOf('.'); dot >= 0; dot = host.indexOf('.', dot + 1)) {
    const wildcard = `*${host.slice(dot)}`;
    if (wildcard !== host) yield wildcard;
  }
  if (host !== '*') yield '*';
}

export const isPartialWildcard = (host: string): boolean => host.startsWith('*') && host.length > 1 && host[1] !== '.';

/** A wildcard that begins within a label covers whatever ends as it does. */
export const coversPartially = (wildcard: string, host: string): boolean =>
  host.replace(/^\*/, '').endsWith(wildcard.slice(1));

export type Labels = Readonly<Record<string, string>>;

export const NO_LABELS: Labels = {};

/** `selector` ⊆ `labels`. */
export function labelsFit(selector: Labels, labels: Labels): boolean {
  for (const key in selector) if (labels[key] !== selector[key]) return false;
  return true;
}
