import type { Diagnostic, FieldPath } from '../../diagnostics/diagnostic.ts';
import { formatObjectRef } from '../../diagnostics/diagnostic.ts';
import { report } from '../../diagnostics/report.ts';
import { memoizeByIdentity } from '../../kernel/memo.ts';
import { unreadKeepalive } from '../../resources/istio/validate-traffic-policy.ts';
import type { ClientTLSSettings, PortTrafficPolicy, ResourceOf, TrafficPolicy } from '../../resources/kinds.ts';
import type { CompileOptions } from '../compilation.ts';
import { type DestinationRule, readRule } from './destination-rule.ts';
import { isPassthrough } from './load-balancer.ts';
import { coveringHosts, coversPartially, isPartialWildcard } from './names.ts';
import { nearestHost } from './nearest-host.ts';
import type { Registry } from './registry.ts';
import type { RuleIndex } from './rule-index.ts';

type RuleResource = ResourceOf<'DestinationRule'>;

/** Everything there is to say about DestinationRules, whether a route needs them or not. */
export const ruleFindings = memoizeByIdentity(
  (
    resources: readonly RuleResource[],
    registry: Registry,
    index: RuleIndex,
    options: CompileOptions,
  ): readonly Diagnostic[] => {
    const covers = coveredWildcards(registry);
    return resources.flatMap((resource) => {
      const rule = readRule(resource, options.mesh);
      const services = registry.all.get(rule.host);
      if (services === undefined && !(rule.host.startsWith('*') && covers(rule.host))) {
        return [unknownHost(resource, rule, registry), ...policyFindings(resource, NO_NAMES)];
      }
      const named = services?.some(({ resource: { body } }) => 'hosts' in (body.spec ?? {}) && hasNames(body.spec));
      return [
        ...placeFindings(resource, rule, registry, index),
        ...policyFindings(resource, named === true ? ENTRY_NAMES : NO_NAMES),
      ];
    });
  },
);

const hasNames = (spec: unknown): boolean =>
  ((spec as { subjectAltNames?: readonly string[] } | undefined)?.subjectAltNames ?? []).length > 0;

/** Does a wildcard cover some host? All that do are gathered only if a rule has one. */
function coveredWildcards(registry: Registry): (wildcard: string) => boolean {
  let covered: Set<string> | undefined;
  return (wildcard) => {
    if (isPartialWildcard(wildcard)) return registry.all.keys().some((host) => coversPartially(wildcard, host));
    covered ??= new Set([...registry.all.keys()].flatMap((host) => [...coveringHosts(host)]));
    return covered.has(wildcard);
  };
}

function unknownHost(resource: RuleResource, rule: DestinationRule, registry: Registry): Diagnostic {
  const near = nearestHost(rule.host, rule.namespace, registry);
  const guess = near === undefined ? '' : `; did you mean ${near}?`;
  return at(resource, ['spec', 'host'], 'unknown-rule-host', `nothing provides the host ${rule.host}${guess}`);
}

/** Does the rule count for its host, and all of it? Wildcards are for many hosts, and may count for some. */
function placeFindings(
  resource: RuleResource,
  rule: DestinationRule,
  registry: Registry,
  index: RuleIndex,
): Diagnostic[] {
  const [service] = registry.visible.get(rule.host) ?? [];
  if (service === undefined) return [];
  const chosen = index.select(service);
  if (chosen?.resources.includes(resource)) return lostParts(resource, chosen);
  const because =
    chosen === undefined
      ? 'it is not exported to the gateway’s namespace, or lies in a namespace that does not count'
      : `${formatObjectRef(chosen.resources[0]?.ref ?? resource.ref)} counts instead`;
  return [
    at(resource, ['spec', 'host'], 'rule-not-applied', `the rule does not shape traffic to ${rule.host}: ${because}`),
  ];
}

/** Of rules merged into one, the first policy and the first subset of a name stay (istio-semantics §3.1). */
function lostParts(resource: RuleResource, chosen: DestinationRule): Diagnostic[] {
  const { spec } = resource.body;
  const findings: Diagnostic[] = [];
  const [first] = chosen.resources;
  if (spec.trafficPolicy !== undefined && spec.trafficPolicy !== chosen.trafficPolicy && first !== undefined) {
    const message = `the trafficPolicy of ${formatObjectRef(first.ref)} holds for ${chosen.host}; this one is ignored`;
    findings.push(at(resource, ['spec', 'trafficPolicy'], 'ignored-field', message));
  }
  for (const [i, { name = '' }] of (spec.subsets ?? []).entries()) {
    const kept = chosen.subsets.get(name);
    if (kept === undefined || (kept.resource === resource && kept.index === i)) continue;
    const message = `the subset ${name} of ${formatObjectRef(kept.resource.ref)} holds; this one is ignored`;
    findings.push(at(resource, ['spec', 'subsets', i], 'ignored-field', message));
  }
  return findings;
}

/* --------------------------------------------------------------------------------- its blocks */

const policyFindings = memoizeByIdentity((resource: RuleResource, names: NameSource): readonly Diagnostic[] =>
  levels(resource).flatMap(({ path, policy }) => [
    ...tlsFindings(resource, [...path, 'tls'], policy.tls, names === ENTRY_NAMES),
    ...ignoredBlocks(resource, path, policy),
  ]),
);

/** Does a ServiceEntry give names to look for in certificates? Objects, so as to be remembered by. */
const ENTRY_NAMES = { kind: 'entry' } as const;
const NO_NAMES = { kind: 'none' } as const;
type NameSource = typeof ENTRY_NAMES | typeof NO_NAMES;

interface Level {
  readonly path: FieldPath;
  readonly policy: TrafficPolicy & PortTrafficPolicy;
}

/** Every place of a rule where the four blocks may stand. */
function levels({ body: { spec } }: RuleResource): Level[] {
  const ofPolicy = (path: FieldPath, policy: TrafficPolicy | undefined): Level[] =>
    policy === undefined
      ? []
      : [
          { path, policy },
          ...(policy.portLevelSettings ?? []).map((settings, i) => ({
            path: [...path, 'portLevelSettings', i],
            policy: settings,
          })),
        ];
  return [
    ...ofPolicy(['spec', 'trafficPolicy'], spec.trafficPolicy),
    ...(spec.subsets ?? []).flatMap(({ trafficPolicy }, i) =>
      ofPolicy(['spec', 'subsets', i, 'trafficPolicy'], trafficPolicy),
    ),
  ];
}

function tlsFindings(
  resource: RuleResource,
  path: FieldPath,
  tls: ClientTLSSettings | undefined,
  entryHasNames: boolean,
): Diagnostic[] {
  if (tls?.mode === 'ISTIO_MUTUAL') return [noMesh(resource, path)];
  if (tls?.mode !== 'SIMPLE' && tls?.mode !== 'MUTUAL') return [];
  if (tls.insecureSkipVerify === true) {
    return [
      at(
        resource,
        [...path, 'insecureSkipVerify'],
        'server-certificate-unverified',
        'any certificate is taken, whoever signed it',
      ),
    ];
  }
  const unnamed = nameFindings(resource, path, tls, entryHasNames);
  return unnamed.length > 0 ? unnamed : trustFindings(resource, path, tls);
}

const noMesh = (resource: RuleResource, path: FieldPath): Diagnostic =>
  report('mode-needs-mesh', {
    message: 'ISTIO_MUTUAL shows a certificate of the mesh, and this gateway has none',
    consequence: 'Requests to this destination are answered 503; others are not affected.',
    remedy: 'Use SIMPLE or MUTUAL with a credentialName, or DISABLE for this gateway by a workloadSelector.',
    object: resource.ref,
    field: [...path, 'mode'],
    location: resource.origin.locate([...path, 'mode']),
  });

/** The operating system's authorities are believed where none are given, which Istio's own analysis warns of. */
function trustFindings(resource: RuleResource, path: FieldPath, tls: ClientTLSSettings): Diagnostic[] {
  if (tls.caCertificates || tls.credentialName) return [];
  const message = `mode ${tls.mode} without caCertificates believes all authorities of the operating system`;
  return [at(resource, path, 'system-authorities-trusted', message)];
}

function nameFindings(
  resource: RuleResource,
  path: FieldPath,
  tls: ClientTLSSettings,
  entryHasNames: boolean,
): Diagnostic[] {
  if (!tls.sni || (tls.subjectAltNames ?? []).length > 0 || entryHasNames) return [];
  const message = `no name is looked for in the certificate: sni ${tls.sni} is given without subjectAltNames (istio-semantics §3.6)`;
  return [at(resource, [...path, 'sni'], 'server-certificate-unverified', message)];
}

function ignoredBlocks(resource: RuleResource, path: FieldPath, policy: Level['policy']): Diagnostic[] {
  const findings: Diagnostic[] = [];
  const ignored = (field: FieldPath, what: string): void => {
    findings.push(at(resource, [...path, ...field], 'ignored-field', what));
  };
  if (policy.tunnel !== undefined) ignored(['tunnel'], 'backends are reached directly, without a tunnel');
  if (policy.loadBalancer?.zoneAwareLbSetting !== undefined) {
    ignored(['loadBalancer', 'zoneAwareLbSetting'], 'endpoints are not chosen by zone');
  }
  for (const { field, why } of unreadKeepalive(policy.connectionPool)) ignored(field, why);
  if (isPassthrough(policy.loadBalancer)) {
    const message = 'PASSTHROUGH means the address that the client dialled, and that is the gateway itself';
    findings.push(at(resource, [...path, 'loadBalancer', 'simple'], 'destination-without-endpoints', message));
  }
  return findings;
}

const at = (
  resource: RuleResource,
  field: FieldPath,
  code: Parameters<typeof report>[0],
  message: string,
): Diagnostic => report(code, { message, object: resource.ref, field, location: resource.origin.locate(field) });
