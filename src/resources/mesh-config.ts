import { type Diagnostic, report } from '../diagnostics/index.ts';
import { parseDurationMs } from '../kernel/duration.ts';
import type { PathNormalization, RetryPolicy, TableSettings } from '../table/model.ts';
import { inQuotes } from './describe.ts';
import { Findings } from './findings.ts';
import type { LocalityLoadBalancerSetting, TrafficPolicy } from './generated/destination-rule.ts';
import type { MeshConfigBody, MeshHTTPRetry } from './generated/mesh-config.ts';
import { ECDH_CURVES, usableCipherSuites } from './istio/cipher-suites.ts';
import { checkDuration } from './istio/validate-common.ts';
import { validateRetry } from './istio/validate-http-actions.ts';
import { validateLoadBalancer } from './istio/validate-load-balancer.ts';
import { unreadKeepalive, validateTrafficPolicy } from './istio/validate-traffic-policy.ts';
import { meshConfigSchema, UNREAD_MESH_FIELDS } from './mesh-config.schema.ts';
import type { Origin } from './object.ts';
import { type FieldFinding, readBySchema } from './schema-decode.ts';
import { suggest } from './suggest.ts';

/** What of Istio's MeshConfig matters at an ingress, decoded, with every default filled in. */
export interface MeshSettings {
  readonly rootNamespace: string;
  readonly clusterDomain: string;
  /** The mesh's own and its aliases: principals of policies in any of them stand for the same in all; read by the pure half of authorization. */
  readonly trustDomains: readonly string[];
  readonly pathNormalization: PathNormalization;
  readonly numTrustedProxies: number;
  readonly forwardClientCert: TableSettings['forwardClientCert'];
  /** Every connection of a client begins with a header of the PROXY protocol. */
  readonly proxyProtocol: boolean;
  readonly defaultVirtualServiceExportTo: readonly string[];
  readonly defaultDestinationRuleExportTo: readonly string[];
  readonly defaultServiceExportTo: readonly string[];
  /** undefined: Istio's built-in policy (istio-semantics §2.10). */
  readonly defaultHttpRetryPolicy: MeshRetryPolicy | undefined;
  readonly connectTimeoutMs: number;
  readonly h2Upgrade: boolean;
  /** Where neither DestinationRule nor service says how localities count (istio-semantics §3.3). */
  readonly localityLbSetting: LocalityLoadBalancerSetting | undefined;
  /** Blocks for destinations whose rules have none of their own (istio-semantics §3.2). */
  readonly defaultTrafficPolicy: MeshTrafficPolicy;
  /** Of TLS that no certificate of the mesh is used for (istio-semantics §1.1). */
  readonly tlsDefaults: TlsDefaults;
  /** As written; read by the pure half of external authorization. */
  readonly extensionProviders: readonly Readonly<Record<string, unknown>>[];
}

export interface TlsDefaults {
  /** Of servers that name none; what is spoken to services begins with TLS 1.2 in any case. */
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
  /** Empty: the runtime's own choice. */
  readonly cipherSuites: readonly string[];
  readonly ecdhCurves: readonly string[];
}

export type MeshRetryPolicy = MeshHTTPRetry;
type MeshTrafficPolicy = Pick<TrafficPolicy, 'connectionPool' | 'outlierDetection'>;

export type { PathNormalization, RetryPolicy };

export interface DecodedMeshConfig {
  /** Where a field could not be read, its default. */
  readonly settings: MeshSettings;
  /** An error means that something else applies than what was written: a gateway ought not to start with one. */
  readonly diagnostics: readonly Diagnostic[];
}

/** Without any MeshConfig. Paths are normalised further than Istio does by default (product.md). */
export const DEFAULT_MESH_SETTINGS: MeshSettings = {
  rootNamespace: 'istio-system',
  clusterDomain: 'cluster.local',
  trustDomains: ['cluster.local'],
  pathNormalization: 'decode-and-merge-slashes',
  numTrustedProxies: 0,
  forwardClientCert: 'sanitize-set',
  proxyProtocol: false,
  defaultVirtualServiceExportTo: ['*'],
  defaultDestinationRuleExportTo: ['*'],
  defaultServiceExportTo: ['*'],
  defaultHttpRetryPolicy: undefined,
  connectTimeoutMs: 10_000,
  h2Upgrade: false,
  localityLbSetting: undefined,
  defaultTrafficPolicy: {},
  tlsDefaults: { minVersion: 'TLSv1.2', cipherSuites: [], ecdhCurves: [] },
  extensionProviders: [],
};

const MAX_FINDINGS = 100;

/** Reads a mesh.yaml: fields of Istio's MeshConfig. null, an empty file, gives the defaults. Never throws. */
export function decodeMeshConfig(value: unknown, origin: Origin): DecodedMeshConfig {
  const reading = readBySchema(meshConfigSchema, value ?? {}, MAX_FINDINGS);
  const config = (reading.value ?? {}) as MeshConfigBody;
  const rules = new Findings(MAX_FINDINGS);
  warnOfOtherFields(config, rules);
  checkDuration(config.connectTimeout, ['connectTimeout'], rules);
  validateRetry(config.defaultHttpRetryPolicy, ['defaultHttpRetryPolicy'], rules);
  warnOfTlsNames(config.tlsDefaults, rules);
  const { localityLbSetting, defaultTrafficPolicy } = config;
  if (localityLbSetting !== undefined) validateLoadBalancer({ localityLbSetting }, true, [], rules);
  if (defaultTrafficPolicy !== undefined && Object.keys(defaultTrafficPolicy).length > 0)
    validateTrafficPolicy(defaultTrafficPolicy, '', ['defaultTrafficPolicy'], rules);
  for (const { field, why } of unreadKeepalive(defaultTrafficPolicy?.connectionPool))
    rules.warning(['defaultTrafficPolicy', ...field], `${why}.`, { code: 'ignored-field' });
  const diagnostics = [...reading.findings.map(asSetting), ...rules.list].map(
    ({ path, of, severity, code, message, remedy }) =>
      report(code, {
        field: path,
        location: origin.locate(path, of),
        severity,
        message,
        consequence: CONSEQUENCES[severity],
        refused: severity === 'error',
        ...(remedy !== undefined && { remedy }),
      }),
  );
  return { settings: settingsOf(config, rules), diagnostics };
}

const CONSEQUENCES = {
  error: 'Its default would apply instead of what is written.',
  warning: 'It is passed over.',
  hint: 'It is passed over.',
} as const;

/** A field that MeshConfig does not have is no reason to stop; one that cannot be understood is. */
const asSetting = (finding: FieldFinding): FieldFinding =>
  finding.code === 'unknown-field' ? { ...finding, code: 'unknown-mesh-setting', severity: 'warning' } : finding;

/** They fall out; Istio says so too. */
function warnOfTlsNames(
  { cipherSuites = [], ecdhCurves = [] }: MeshConfigBody['tlsDefaults'] = {},
  rules: Findings,
): void {
  for (const [index, suite] of cipherSuites.entries()) {
    if (usableCipherSuites([suite]).length === 0)
      rules.warning(['tlsDefaults', 'cipherSuites', index], `The cipher suite ${inQuotes(suite)} is not known.`, {
        code: 'ignored-field',
      });
  }
  for (const [index, curve] of ecdhCurves.entries()) {
    if (!ECDH_CURVES.has(curve))
      rules.warning(['tlsDefaults', 'ecdhCurves', index], `The curve ${inQuotes(curve)} is not known.`, {
        code: 'ignored-field',
      });
  }
}

function warnOfOtherFields(config: MeshConfigBody, rules: Findings): void {
  const read = Object.keys(meshConfigSchema.properties ?? {});
  for (const field of Object.keys(config)) {
    if (read.includes(field)) continue;
    if (UNREAD_MESH_FIELDS.includes(field)) {
      rules.hint([field], `${field} means nothing at this gateway.`, { code: 'unread-mesh-setting', of: 'key' });
      continue;
    }
    const meant = suggest(field, [...read, ...UNREAD_MESH_FIELDS]);
    rules.warning([field], `MeshConfig has no field ${inQuotes(field)}.`, {
      code: 'unknown-mesh-setting',
      of: 'key',
      ...(meant !== undefined && { remedy: `Did you mean ${meant}?` }),
    });
  }
}

type Normalization = NonNullable<NonNullable<MeshConfigBody['pathNormalization']>['normalization']>;
type Topology = NonNullable<NonNullable<MeshConfigBody['defaultConfig']>['gatewayTopology']>;

/** istio-semantics §7.1. */
const NORMALIZATIONS: Readonly<Record<Normalization, PathNormalization>> = {
  DEFAULT: 'base',
  NONE: 'none',
  BASE: 'base',
  MERGE_SLASHES: 'merge-slashes',
  DECODE_AND_MERGE_SLASHES: 'decode-and-merge-slashes',
};

/** istio-semantics §7.2. */
const CLIENT_CERT: Readonly<
  Record<NonNullable<Topology['forwardClientCertDetails']>, TableSettings['forwardClientCert']>
> = {
  UNDEFINED: 'sanitize-set',
  SANITIZE: 'sanitize',
  FORWARD_ONLY: 'forward-only',
  APPEND_FORWARD: 'append-forward',
  SANITIZE_SET: 'sanitize-set',
  ALWAYS_FORWARD_ONLY: 'always-forward-only',
};

function settingsOf(config: MeshConfigBody, rules: Findings): MeshSettings {
  const defaults = DEFAULT_MESH_SETTINGS;
  const { normalization } = config.pathNormalization ?? {};
  const topology = config.defaultConfig?.gatewayTopology ?? {};
  const { numTrustedProxies, forwardClientCertDetails = 'UNDEFINED' } = topology;
  const isSound = (field: string): boolean =>
    !rules.list.some(({ severity, path }) => severity === 'error' && path[0] === field);
  const timeout = parseDurationMs(config.connectTimeout ?? '');
  return {
    rootNamespace: config.rootNamespace || defaults.rootNamespace,
    clusterDomain: defaults.clusterDomain,
    trustDomains: [
      ...(config.trustDomain ? [config.trustDomain] : defaults.trustDomains),
      ...(config.trustDomainAliases ?? []),
    ],
    pathNormalization: normalization === undefined ? defaults.pathNormalization : NORMALIZATIONS[normalization],
    numTrustedProxies: numTrustedProxies ?? defaults.numTrustedProxies,
    forwardClientCert: CLIENT_CERT[forwardClientCertDetails],
    proxyProtocol: topology.proxyProtocol !== undefined,
    defaultVirtualServiceExportTo:
      filled(config.defaultVirtualServiceExportTo) ?? defaults.defaultVirtualServiceExportTo,
    defaultDestinationRuleExportTo:
      filled(config.defaultDestinationRuleExportTo) ?? defaults.defaultDestinationRuleExportTo,
    defaultServiceExportTo: filled(config.defaultServiceExportTo) ?? defaults.defaultServiceExportTo,
    defaultHttpRetryPolicy: isSound('defaultHttpRetryPolicy') ? config.defaultHttpRetryPolicy : undefined,
    connectTimeoutMs: timeout.ok && isSound('connectTimeout') ? timeout.value : defaults.connectTimeoutMs,
    h2Upgrade: config.h2UpgradePolicy === 'UPGRADE',
    localityLbSetting: isSound('localityLbSetting') ? config.localityLbSetting : undefined,
    defaultTrafficPolicy: isSound('defaultTrafficPolicy') ? (config.defaultTrafficPolicy ?? {}) : {},
    tlsDefaults: tlsDefaultsOf(config.tlsDefaults),
    extensionProviders: config.extensionProviders ?? defaults.extensionProviders,
  };
}

/** What is not known falls out, as at a Gateway's server. */
const tlsDefaultsOf = ({
  minProtocolVersion,
  cipherSuites = [],
  ecdhCurves = [],
}: MeshConfigBody['tlsDefaults'] = {}): TlsDefaults => ({
  minVersion: minProtocolVersion === 'TLSV1_3' ? 'TLSv1.3' : 'TLSv1.2',
  cipherSuites: usableCipherSuites(cipherSuites),
  ecdhCurves: [...new Set(ecdhCurves.filter((curve) => ECDH_CURVES.has(curve)))],
});

/** An empty list is as if absent. */
const filled = (list: readonly string[] | undefined): readonly string[] | undefined =>
  list === undefined || list.length === 0 ? undefined : list;
