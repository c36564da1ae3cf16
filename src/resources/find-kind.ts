import { type Diagnostic, report } from '../diagnostics/index.ts';
import { nearest } from '../kernel/nearest.ts';
import { inQuotes } from './describe.ts';
import type { ResourceKind } from './kinds.ts';
import type { Origin } from './object.ts';
import { KINDS, type KindDefinition } from './registry.ts';

export interface KnownKind {
  readonly kind: 'known';
  readonly name: ResourceKind;
  readonly definition: KindDefinition<never>;
}

/** Refused, or none of our concern: the diagnostics say which. */
export interface UnknownKind {
  readonly kind: 'unknown';
  readonly diagnostics: readonly Diagnostic[];
}

const groupOf = (apiVersion: string): string =>
  apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
const OUR_GROUPS: ReadonlySet<string> = new Set(
  Object.values(KINDS).flatMap(({ apiVersions }) => apiVersions.map(groupOf)),
);

/** Which of our kinds a document is, by apiVersion and kind together: others have a Gateway and a Service too. */
export function findKind(value: Readonly<Record<string, unknown>>, origin: Origin): KnownKind | UnknownKind {
  const { apiVersion, kind } = value;
  for (const [field, given] of [
    ['apiVersion', apiVersion],
    ['kind', kind],
  ] as const) {
    if (typeof given !== 'string' || given === '') {
      return unknown(
        report('not-an-object', {
          message: `The document has no ${field}.`,
          field: [field],
          location: origin.locate([field]),
          refused: true,
        }),
      );
    }
  }
  const [version, name] = [String(apiVersion), String(kind)];
  if (!Object.hasOwn(KINDS, name)) return unknown(passedOver(version, name, origin));
  const definition: KindDefinition<never> = KINDS[name as ResourceKind];
  if (definition.apiVersions.includes(version)) return { kind: 'known', name: name as ResourceKind, definition };
  return unknown(wrongVersion(version, name, definition, origin));
}

const unknown = (finding: Diagnostic): UnknownKind => ({ kind: 'unknown', diagnostics: [finding] });

const AS_VIRTUAL_SERVICE =
  'Nothing, if another gateway serves it; for this one, write its routes as VirtualServices and its ports as a Gateway of Istio’s.';
const OF_A_MESH = 'Nothing: it concerns the proxies of a mesh, and there is none here.';

/** What people bring along from other gateways, and what to do about it, by group or by kind. */
const ADVICE: ReadonlyMap<string, string> = new Map([
  ['gateway.networking.k8s.io', AS_VIRTUAL_SERVICE],
  ['traefik.io', AS_VIRTUAL_SERVICE],
  ['traefik.containo.us', AS_VIRTUAL_SERVICE],
  ['networking.k8s.io/Ingress', AS_VIRTUAL_SERVICE],
  [
    'networking.istio.io/EnvoyFilter',
    'Nothing, if it is for a mesh; at this gateway RateLimit, EdgePolicy, an external authorizer or a plugin of the network team does such things.',
  ],
  ['networking.istio.io/Sidecar', OF_A_MESH],
  ['networking.istio.io/ProxyConfig', OF_A_MESH],
  ['networking.istio.io/WorkloadGroup', OF_A_MESH],
  ['security.istio.io/PeerAuthentication', OF_A_MESH],
  [
    'telemetry.istio.io/Telemetry',
    'Nothing, if it is for a mesh; log, metrics and traces of this gateway are settings: banyan serve --help.',
  ],
  ['extensions.istio.io/WasmPlugin', 'Nothing, if it is for a mesh; plugins of this gateway are given by --plugin.'],
]);

/** A slip in a kind of one of our groups is worth more than a hint: something is meant that does not happen. */
function passedOver(apiVersion: string, kind: string, origin: Origin): Diagnostic {
  const group = groupOf(apiVersion);
  const advice = ADVICE.get(`${group}/${kind}`) ?? ADVICE.get(group);
  const siblings = Object.entries(KINDS).filter(([, { apiVersions }]) =>
    apiVersions.some((version) => groupOf(version) === group),
  );
  const meant =
    advice === undefined && OUR_GROUPS.has(group) && group !== ''
      ? nearest(
          kind,
          siblings.map(([name]) => name),
        )
      : undefined;
  return report('unknown-kind', {
    message: `${apiVersion} ${kind} is no kind that the gateway knows.`,
    field: ['kind'],
    location: origin.locate(['kind']),
    ...(advice !== undefined && { remedy: advice }),
    ...(meant !== undefined && { severity: 'warning', remedy: `Did you mean ${meant}?` }),
  });
}

/** Groups in which nobody else may have a kind of that name: the core's, which a forgotten group or version comes to, and Istio's. */
const isClosed = (group: string): boolean => group === '' || group === 'istio.io' || group.endsWith('.istio.io');

function wrongVersion(
  apiVersion: string,
  kind: string,
  { apiVersions }: KindDefinition<never>,
  origin: Origin,
): Diagnostic {
  const group = groupOf(apiVersion);
  const ours = groupOf(apiVersions[0] ?? '');
  if (group !== ours && !isClosed(group) && nearest(group, [ours]) === undefined)
    return passedOver(apiVersion, kind, origin);
  return report('unsupported-version', {
    message: `${kind} is not served as ${inQuotes(apiVersion)}.`,
    remedy: `Use ${apiVersions.join(', ')}.`,
    field: ['apiVersion'],
    location: origin.locate(['apiVersion']),
    refused: true,
  });
}
