import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { DEFAULT_MESH_SETTINGS, decodeMeshConfig } from '../../../src/resources/index.ts';
import { parseYaml } from '../../../src/sources/yaml.ts';
import { brief } from './support.ts';

const origin = { file: 'mesh.yaml', locate: () => ({ file: 'mesh.yaml', line: 1, column: 1 }) };

function decode(text: string) {
  const [document] = parseYaml(text, 'mesh.yaml').documents;
  return decodeMeshConfig(document?.value, document?.origin ?? origin);
}

test('an empty file gives the defaults', () => {
  expect(decode('')).toEqual({ settings: DEFAULT_MESH_SETTINGS, diagnostics: [] });
});

test('every setting that is read', () => {
  const { settings, diagnostics } = decode(`rootNamespace: mesh-policies
connectTimeout: 2.5s
trustDomain: corp
trustDomainAliases: [old-td]
h2UpgradePolicy: UPGRADE
pathNormalization: {normalization: MERGE_SLASHES}
defaultServiceExportTo: [infra]
defaultVirtualServiceExportTo: ["."]
defaultDestinationRuleExportTo: []
defaultHttpRetryPolicy: {attempts: 1, retryOn: "503,429"}
localityLbSetting: {failoverPriority: [tier]}
defaultTrafficPolicy: {connectionPool: {tcp: {maxConnections: 9}}, outlierDetection: {}}
tlsDefaults: {minProtocolVersion: TLSV1_3, cipherSuites: [AES128-SHA], ecdhCurves: [P-384]}
extensionProviders: [{name: checker, envoyExtAuthzHttp: {service: a.b.svc.cluster.local, port: "8000"}}]
defaultConfig:
  gatewayTopology: {numTrustedProxies: 2, forwardClientCertDetails: APPEND_FORWARD, proxyProtocol: {}}
  holdApplicationUntilProxyStarts: true
`);
  expect(diagnostics).toEqual([]);
  expect(settings).toEqual({
    rootNamespace: 'mesh-policies',
    clusterDomain: 'cluster.local',
    trustDomains: ['corp', 'old-td'],
    pathNormalization: 'merge-slashes',
    numTrustedProxies: 2,
    forwardClientCert: 'append-forward',
    proxyProtocol: true,
    defaultVirtualServiceExportTo: ['.'],
    defaultDestinationRuleExportTo: ['*'],
    defaultServiceExportTo: ['infra'],
    defaultHttpRetryPolicy: { attempts: 1, retryOn: '503,429' },
    connectTimeoutMs: 2500,
    h2Upgrade: true,
    localityLbSetting: { failoverPriority: ['tier'] },
    defaultTrafficPolicy: { connectionPool: { tcp: { maxConnections: 9 } }, outlierDetection: {} },
    tlsDefaults: { minVersion: 'TLSv1.3', cipherSuites: ['AES128-SHA'], ecdhCurves: ['P-384'] },
    extensionProviders: [{ name: 'checker', envoyExtAuthzHttp: { service: 'a.b.svc.cluster.local', port: '8000' } }],
  });
});

test.each([
  ['{}', 'decode-and-merge-slashes'],
  ['{normalization: DEFAULT}', 'base'],
  ['{normalization: BASE}', 'base'],
  ['{normalization: NONE}', 'none'],
  ['{normalization: DECODE_AND_MERGE_SLASHES}', 'decode-and-merge-slashes'],
])('pathNormalization: %s is %s', (written, expected) => {
  expect(decode(`pathNormalization: ${written}\n`).settings.pathNormalization).toBe(expected);
});

test.each([
  ['{}', { minVersion: 'TLSv1.2', cipherSuites: [], ecdhCurves: [] }],
  ['{minProtocolVersion: TLS_AUTO}', { minVersion: 'TLSv1.2', cipherSuites: [], ecdhCurves: [] }],
  ['{minProtocolVersion: 4}', { minVersion: 'TLSv1.3', cipherSuites: [], ecdhCurves: [] }],
  [
    '{cipherSuites: [AES128-SHA, FAST, AES128-SHA], ecdhCurves: [P-256, X25519, P-1, P-256]}',
    { minVersion: 'TLSv1.2', cipherSuites: ['AES128-SHA'], ecdhCurves: ['P-256', 'X25519'] },
  ],
])('tlsDefaults: %s is %o', (written, expected) => {
  expect(decode(`tlsDefaults: ${written}\n`).settings.tlsDefaults).toEqual(expected);
});

describe('findings', () => {
  test.each([
    ['a field that means nothing here', 'enableAutoMtls: true\n', ['hint unread-mesh-setting enableAutoMtls']],
    ['a misspelt field', 'pathNormalisation: {}\n', ['warning unknown-mesh-setting pathNormalisation']],
    [
      'a misspelt field within',
      'defaultConfig: {gatewayTopology: {numTrusted: 1}}\n',
      ['warning unknown-mesh-setting defaultConfig.gatewayTopology.numTrusted'],
    ],
    [
      'a word that is none',
      'pathNormalization: {normalization: BASIC}\n',
      ['error unknown-value pathNormalization.normalization'],
    ],
    ['a timeout of nothing', 'connectTimeout: 0s\n', ['error invalid-value connectTimeout']],
    [
      'a bad policy of retries',
      'defaultHttpRetryPolicy: {attempts: 1, retryOn: sometimes}\n',
      ['error invalid-value defaultHttpRetryPolicy.retryOn'],
    ],
    [
      'shares of localities that do not come to 100',
      'localityLbSetting: {distribute: [{from: a, to: {a: 50}}]}\n',
      ['error invalid-value localityLbSetting.distribute[0].to'],
    ],
    [
      'a policy for all with what is never for all',
      'defaultTrafficPolicy: {tls: {mode: SIMPLE}}\n',
      ['warning unknown-mesh-setting defaultTrafficPolicy.tls'],
    ],
    [
      'a policy for all that is not valid',
      'defaultTrafficPolicy: {outlierDetection: {maxEjectionPercent: 101}}\n',
      ['error invalid-value defaultTrafficPolicy.outlierDetection.maxEjectionPercent'],
    ],
    [
      'ciphers and curves that are none',
      'tlsDefaults: {cipherSuites: [FAST], ecdhCurves: [P-1]}\n',
      ['warning ignored-field tlsDefaults.cipherSuites[0]', 'warning ignored-field tlsDefaults.ecdhCurves[0]'],
    ],
    [
      'a version that no mesh may begin with',
      'tlsDefaults: {minProtocolVersion: TLSV1_1}\n',
      ['error unknown-value tlsDefaults.minProtocolVersion'],
    ],
    ['a list', '[]\n', ['error wrong-type ']],
    [
      'the PROXY protocol as a word',
      'defaultConfig: {gatewayTopology: {proxyProtocol: true}}\n',
      ['error wrong-type defaultConfig.gatewayTopology.proxyProtocol'],
    ],
    ['no PROXY protocol', 'defaultConfig: {gatewayTopology: {proxyProtocol: null}}\n', []],
    ['nothing wrong in the rest of a policy for all', 'defaultTrafficPolicy: {}\n', []],
    ['nothing wrong', 'rootNamespace: a\n', []],
  ])('%s', (_, text, expected) => {
    const { diagnostics, settings } = decode(text);
    expect(diagnostics.map((finding) => `${finding.severity} ${brief([finding])[0]}`)).toEqual(expected);
    expect(settings).toEqual({ ...DEFAULT_MESH_SETTINGS, rootNamespace: settings.rootNamespace });
  });
});

test('every recorded MeshConfig is understood', () => {
  const files = readdirSync('test/istio', { recursive: true, encoding: 'utf8' }).filter((file) =>
    /^[^/]+\/[^/]+\/mesh\.yaml$/.test(file),
  );
  expect(files.length).toBeGreaterThan(10);
  for (const file of files) expect(decode(readFileSync(`test/istio/${file}`, 'utf8')).diagnostics, file).toEqual([]);
});

test('the PROXY protocol has no fields, and one that is written does not switch it off', () => {
  const { diagnostics, settings } = decode('defaultConfig: {gatewayTopology: {proxyProtocol: {version: V2}}}\n');
  expect(brief(diagnostics)).toEqual(['unknown-mesh-setting defaultConfig.gatewayTopology.proxyProtocol.version']);
  expect(settings.proxyProtocol).toBe(true);
});
