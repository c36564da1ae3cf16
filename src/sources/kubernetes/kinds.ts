import type { ObjectRef } from '../../diagnostics/diagnostic.ts';
import type { ResourceKind } from '../../resources/kinds.ts';
import { KINDS } from '../../resources/registry.ts';

/** How one kind is watched. */
export interface WatchedKind {
  readonly kind: ResourceKind;
  /** `virtualservices`. */
  readonly plural: string;
  /** In order of preference. */
  readonly apiVersions: readonly string[];
  /** The only namespace that is looked at; undefined: all. */
  readonly namespace: string | undefined;
  readonly query: Readonly<Record<string, string>>;
  /**
   * May we be refused it? Without Secrets or Pods something fails where it is asked for, and visibly. Of everything
   * else nothing may be missing unseen: to serve routes without the policies that guard them is worse than to wait.
   */
  readonly optional: boolean;
  /** Is a sudden loss of most of its objects held back until it is confirmed? Pods come and go. */
  readonly guarded: boolean;
}

export interface KindChoice {
  /** Where Secrets are read, and nowhere else: needs no right to the Secrets of the cluster. */
  readonly gatewayNamespace: string;
  /** Labels of the namespaces whose objects count; undefined: all namespaces. */
  readonly namespaceSelector: string | undefined;
}

const PLURALS: Readonly<Record<ResourceKind, string>> = {
  Gateway: 'gateways',
  VirtualService: 'virtualservices',
  DestinationRule: 'destinationrules',
  ServiceEntry: 'serviceentries',
  WorkloadEntry: 'workloadentries',
  RequestAuthentication: 'requestauthentications',
  AuthorizationPolicy: 'authorizationpolicies',
  RateLimit: 'ratelimits',
  EdgePolicy: 'edgepolicies',
  PolicyExemption: 'policyexemptions',
  Namespace: 'namespaces',
  Service: 'services',
  EndpointSlice: 'endpointslices',
  Pod: 'pods',
  Secret: 'secrets',
};

export const pluralOf = (kind: ResourceKind): string => PLURALS[kind];

/** Namespaces are of interest only where they are chosen by label: the server does the choosing. */
export function watchedKinds({ gatewayNamespace, namespaceSelector }: KindChoice): readonly WatchedKind[] {
  const all = Object.keys(KINDS) as ResourceKind[];
  return all
    .filter((kind) => kind !== 'Namespace' || namespaceSelector !== undefined)
    .map((kind) => ({
      kind,
      plural: PLURALS[kind],
      apiVersions: KINDS[kind].apiVersions,
      namespace: kind === 'Secret' ? gatewayNamespace : undefined,
      query: queryOf(kind, namespaceSelector),
      optional: kind === 'Secret' || kind === 'Pod',
      guarded: kind !== 'Pod',
    }));
}

function queryOf(kind: ResourceKind, namespaceSelector: string | undefined): Readonly<Record<string, string>> {
  if (kind === 'Namespace' && namespaceSelector !== undefined) return { labelSelector: namespaceSelector };
  // Helm keeps whole releases in Secrets.
  if (kind === 'Secret') return { fieldSelector: 'type!=helm.sh/release.v1' };
  return {};
}

/** `/apis/networking.istio.io/v1/virtualservices`, `/api/v1/namespaces/istio-system/secrets`. */
export function pathOf({ plural, namespace }: Pick<WatchedKind, 'plural' | 'namespace'>, apiVersion: string): string {
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  return namespace === undefined
    ? `${root}/${plural}`
    : `${root}/namespaces/${encodeURIComponent(namespace)}/${plural}`;
}

/** Of one object: `/apis/networking.istio.io/v1/namespaces/shop/virtualservices/cart`. */
export const objectPath = ({ kind, namespace, name }: ObjectRef, apiVersion: string): string =>
  `${pathOf({ plural: pluralOf(kind as ResourceKind), namespace }, apiVersion)}/${encodeURIComponent(name)}`;
