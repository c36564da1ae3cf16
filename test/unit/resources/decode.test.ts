import { describe, expect, test } from 'vitest';
import { decodeObject, MAX_FINDINGS } from '../../../src/resources/index.ts';
import { brief, decodeText, refusals, warnings, withSpec } from './support.ts';

const route = '- route: [{destination: {host: web}}]';
const virtualService = (spec: string): string => withSpec('VirtualService', `hosts: [a.example.com]\n${spec}`);

describe('a good document', () => {
  test('becomes a resource with its metadata, its body and its origin', () => {
    const { resource, ref, diagnostics } = decodeText(`apiVersion: networking.istio.io/v1beta1
kind: VirtualService
metadata:
  name: web
  labels: {app: web, empty: }
  creationTimestamp: 2026-01-02T03:04:05Z
spec:
  hosts: [a.example.com]
  http:
    - timeout: 1.5s
      route: [{destination: {host: web, port: {number: "8080"}}}]
`);
    expect(diagnostics).toEqual([]);
    expect(ref).toEqual({ kind: 'VirtualService', namespace: 'shops', name: 'web' });
    expect(resource).toMatchObject({
      kind: 'VirtualService',
      apiVersion: 'networking.istio.io/v1beta1',
      meta: {
        namespace: 'shops',
        name: 'web',
        labels: { app: 'web', empty: '' },
        annotations: {},
        creationTimestampMs: Date.UTC(2026, 0, 2, 3, 4, 5),
      },
      body: {
        spec: { http: [{ timeout: '1.5s', route: [{ destination: { host: 'web', port: { number: 8080 } } }] }] },
      },
    });
    expect(resource?.origin.locate(['spec', 'http', 0, 'timeout'])).toEqual({ file: 'a.yaml', line: 10, column: 16 });
  });

  test('has the namespace that it names itself, and none when its kind has none', () => {
    expect(decodeText('apiVersion: v1\nkind: Service\nmetadata: {name: a, namespace: b}\n').ref?.namespace).toBe('b');
    expect(decodeText('apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n').ref).toEqual({
      kind: 'Namespace',
      namespace: '',
      name: 'a',
    });
  });

  test('of a kind of Kubernetes may have any field that does not concern us', () => {
    const { resource } = decodeText(`apiVersion: v1
kind: Pod
metadata: {name: a, managedFields: [{manager: kubectl}], unheardOf: 1}
spec: {containers: [{name: main, image: x}], restartPolicy: Always}
status: {podIP: 10.0.0.1, qosClass: Burstable}
`);
    expect(resource?.body).toMatchObject({ spec: { containers: [{ name: 'main' }] }, status: { podIP: '10.0.0.1' } });
  });

  test('is handed on as it came where it has the right form, and only what has another form is made anew', () => {
    const [as, other] = ['{"destination": {"host": "web"}}', '{"destination": {"host": "web", "subset": null}}'];
    const value = JSON.parse(`{"apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
      "metadata": {"name": "web", "labels": {"__proto__": "a"}},
      "spec": {"hosts": ["a.example.com"], "http": [{"route": [${as}]}, {"route": [${other}]}]}}`) as never;
    const { resource } = decodeObject(value, { file: '', locate: () => ({ file: '', line: 1, column: 1 }) });
    const given = value as {
      readonly metadata: object;
      readonly spec: { readonly hosts: object; readonly http: object[] };
    };
    const spec = resource?.body as unknown as typeof given;
    expect(spec.metadata).toBe(given.metadata);
    expect(spec.spec.hosts).toBe(given.spec.hosts);
    expect(spec.spec.http[0]).toBe(given.spec.http[0]);
    expect(spec.spec.http[1]).not.toBe(given.spec.http[1]);
    expect(spec.spec.http[1]).toEqual({ route: [{ destination: { host: 'web' } }] });
  });

  test('is read with the leniency of proto JSON, and comes out in one form', () => {
    const { resource, diagnostics } = decodeText(
      withSpec(
        'DestinationRule',
        `host: web
traffic_policy:
  load_balancer: {simple: 4, consistent_hash: null}
  outlier_detection: {consecutive_5xx_errors: "7", max_ejection_percent: 100}
subsets: null`,
      ),
    );
    expect(diagnostics).toEqual([]);
    expect(resource?.body).toMatchObject({
      spec: {
        host: 'web',
        trafficPolicy: {
          loadBalancer: { simple: 'ROUND_ROBIN' },
          outlierDetection: { consecutive5xxErrors: 7, maxEjectionPercent: 100 },
        },
      },
    });
    expect(Object.keys(resource?.body ?? {})).not.toContain('subsets');
  });

  test('keeps of fields that exclude one another the one that Istio reads, with a warning', () => {
    const decoded = decodeText(
      virtualService('http:\n  - match: [{uri: {prefix: /a, exact: /b}}]\n    route: [{destination: {host: web}}]'),
    );
    expect(warnings(decoded)).toEqual(['ignored-field spec.http[0].match[0].uri.exact']);
    expect(decoded.resource?.body).toMatchObject({ spec: { http: [{ match: [{ uri: { prefix: '/a' } }] }] } });
    expect(JSON.stringify(decoded.resource?.body)).not.toContain('/b');
  });

  test('without spec has an empty one', () => {
    const { resource } = decodeText(
      'apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: deny-all}\n',
    );
    expect(resource?.body).toMatchObject({ spec: {} });
  });
});

describe('what is not understood', () => {
  test.each([
    ['a misspelt field', `http:\n${route}\n  timout: 5s`, 'unknown-field spec.http[0].timout', 'Did you mean timeout?'],
    [
      'a field of a level below',
      `http:\n${route}\nretries: {attempts: 2}`,
      'unknown-field spec.retries',
      'It is a field of spec.http[]: move it there.',
    ],
    [
      'a field in the wrong case',
      `http:\n${route}\n  Timeout: 5s`,
      'unknown-field spec.http[0].Timeout',
      'Did you mean timeout?',
    ],
    [
      'a field that nothing is like',
      `http:\n${route}\nzebra: 1`,
      'unknown-field spec.zebra',
      'Correct its name, or take it out.',
    ],
    ['a text for a list', `http: web`, 'wrong-type spec.http', 'Write a value of the type that is asked for.'],
    ['a number for a text', `http:\n${route}\n  name: 5`, 'wrong-type spec.http[0].name', 'Put it in quotes: "5".'],
    [
      'a boolean of YAML 1.1 for a text',
      `http:\n${route}\n  name: on`,
      'wrong-type spec.http[0].name',
      'Put what is written there in quotes.',
    ],
    [
      'a fraction for a text, whose digits YAML does not keep',
      `http:\n${route}\n  name: 1.10`,
      'wrong-type spec.http[0].name',
      'Put what is written there in quotes.',
    ],
    [
      'a mapping for a list',
      `http:\n- match: { uri: { prefix: /a } }\n  route: [{destination: {host: web}}]`,
      'wrong-type spec.http[0].match',
      'Begin it with a dash: it is a list, if only of one entry.',
    ],
    [
      'a text where a mapping says what it is',
      `http:\n- match: [{ uri: /cart }]\n  route: [{destination: {host: web}}]`,
      'wrong-type spec.http[0].match[0].uri',
      'Write { exact: "/cart" }, or { prefix: "/cart" }, or { regex: "/cart" }.',
    ],
    [
      'a bare port',
      `http:\n- route: [{destination: {host: web, port: 80}}]`,
      'wrong-type spec.http[0].route[0].destination.port',
      'Write { number: 80 }.',
    ],
    [
      'a text for a boolean',
      `http:\n- match: [{ignoreUriCase: "yes"}]\n  route: [{destination: {host: web}}]`,
      'wrong-type spec.http[0].match[0].ignoreUriCase',
      'Write a value of the type that is asked for.',
    ],
    [
      'a fraction for a whole number',
      `http:\n- route: [{destination: {host: web}, weight: 1.5}]`,
      'wrong-type spec.http[0].route[0].weight',
      'Write a value of the type that is asked for.',
    ],
    [
      'a number out of range',
      `http:\n- route: [{destination: {host: web, port: {number: -1}}}]`,
      'invalid-value spec.http[0].route[0].destination.port.number',
      'Correct the value as the message says.',
    ],
    [
      'a duration without unit',
      `http:\n${route}\n  timeout: "5"`,
      'invalid-value spec.http[0].timeout',
      'Correct the value as the message says.',
    ],
    [
      'a number for a duration',
      `http:\n${route}\n  timeout: 5`,
      'wrong-type spec.http[0].timeout',
      'Write a number with its unit, such as 500ms, 2s or 1h30m.',
    ],
    [
      'a word that is none',
      `http:\n- redirect: {uri: /a, derivePort: FROM_REQUEST_PRT}`,
      'unknown-value spec.http[0].redirect.derivePort',
      'Did you mean FROM_REQUEST_PORT?',
    ],
    [
      'base64 that is none',
      `http:\n- directResponse: {status: 200, body: {bytes: "a!"}}`,
      'invalid-value spec.http[0].directResponse.body.bytes',
      'Correct the value as the message says.',
    ],
    [
      'null in a list of rules',
      `http: [null]`,
      'wrong-type spec.http[0]',
      'Write a value of the type that is asked for.',
    ],
    [
      'null as a header match',
      `http:\n- match: [{headers: {x-a: }}]\n  route: [{destination: {host: web}}]`,
      'wrong-type spec.http[0].match[0].headers.x-a',
      'Write a value of the type that is asked for.',
    ],
  ])('%s is told with its place and a remedy', (_, spec, expected, remedy) => {
    const decoded = decodeText(virtualService(spec));
    expect(refusals(decoded)).toEqual([expected]);
    expect(decoded.diagnostics[0]?.remedy).toBe(remedy);
    expect(decoded.resource).toBeUndefined();
  });

  test('a misspelt name is pointed at, and not what it says', () => {
    const { diagnostics } = decodeText(virtualService(`http:\n${route}\n  timout: 5s`));
    expect(diagnostics[0]?.location).toEqual({ file: 'a.yaml', line: 8, column: 5 });
  });

  test('what lacks because of it is no second finding', () => {
    expect(refusals(decodeText(virtualService('http:\n- rout: [{destination: {host: web}}]')))).toEqual([
      'unknown-field spec.http[0].rout',
    ]);
    expect(refusals(decodeText(withSpec('Gateway', 'servers: [{port: 80, hosts: ["*"]}]')))).toEqual([
      'wrong-type spec.servers[0].port',
    ]);
  });

  test('what must be there and is not', () => {
    expect(refusals(decodeText(withSpec('Gateway', 'selector: {istio: ingressgateway}')))).toEqual([
      'missing-field spec.servers',
    ]);
    expect(refusals(decodeText('apiVersion: v1\nkind: Service\nmetadata: {}\n'))).toEqual([
      'missing-field metadata.name',
    ]);
    expect(refusals(decodeText('apiVersion: v1\nkind: Service\n'))).toEqual(['missing-field metadata']);
  });

  test('everything is told at once, in the order of the file', () => {
    const decoded = decodeText(`apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web}
spec:
  hosts: [a_b!.com]
  http:
    - timeout: 0s
      retry: {}
      match: [{uri: {regex: "("}}]
      route: [{destination: {host: web}, weight: -1}]
`);
    expect(refusals(decoded)).toEqual([
      'invalid-value spec.hosts[0]',
      'invalid-value spec.http[0].timeout',
      'unknown-field spec.http[0].retry',
      'invalid-regex spec.http[0].match[0].uri.regex',
      'invalid-value spec.http[0].route[0].weight',
    ]);
    expect(decoded.diagnostics.every((finding) => finding.object?.name === 'web' && finding.consequence !== '')).toBe(
      true,
    );
  });

  test(`after ${MAX_FINDINGS} findings one says that there are more`, () => {
    const fields = Array.from({ length: 5000 }, (_, i) => `field${i}: ${i}`).join('\n');
    const { diagnostics } = decodeText(virtualService(fields));
    expect(diagnostics).toHaveLength(MAX_FINDINGS + 1);
    expect(diagnostics.at(-1)?.code).toBe('too-many-findings');
  });
});

describe('which kind it is', () => {
  test.each([
    ['another kind of the cluster', 'apps/v1', 'Deployment', ['hint unknown-kind']],
    ['a Gateway of the Gateway API', 'gateway.networking.k8s.io/v1', 'Gateway', ['hint unknown-kind']],
    ['a Service of somebody else', 'serving.knative.dev/v1', 'Service', ['hint unknown-kind']],
    ['a slip in a kind of Istio', 'networking.istio.io/v1', 'VirtualServise', ['warning unknown-kind']],
    ['a kind of Istio that is like one of ours', 'security.istio.io/v1', 'PeerAuthentication', ['hint unknown-kind']],
    ['a group without its version', 'networking.istio.io', 'VirtualService', ['error unsupported-version']],
    ['a version without its group', 'v1', 'VirtualService', ['error unsupported-version']],
    ['half of a group', 'istio.io/v1', 'VirtualService', ['error unsupported-version']],
    ['a VirtualService of another mesh', 'appmesh.k8s.aws/v1beta2', 'VirtualService', ['hint unknown-kind']],
    ['a kind of Istio that is not ours', 'networking.istio.io/v1', 'EnvoyFilter', ['hint unknown-kind']],
    ['a version that Istio does not serve', 'networking.istio.io/v2', 'VirtualService', ['error unsupported-version']],
    ['a slip in the group', 'network.istio.io/v1', 'VirtualService', ['error unsupported-version']],
    ['a name of an inherited property', 'v1', 'constructor', ['hint unknown-kind']],
    ['a group of such a name', 'constructor/v1', 'Route', ['hint unknown-kind']],
  ])('%s', (_, apiVersion, kind, expected) => {
    const { resource, diagnostics } = decodeText(`apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: {name: a}\n`);
    expect(diagnostics.map(({ severity, code }) => `${severity} ${code}`)).toEqual(expected);
    expect(resource).toBeUndefined();
  });

  test.each([
    ['networking.istio.io/v1alpha3', 'EnvoyFilter', 'RateLimit'],
    ['gateway.networking.k8s.io/v1', 'HTTPRoute', 'VirtualServices'],
    ['networking.k8s.io/v1', 'Ingress', 'VirtualServices'],
    ['security.istio.io/v1', 'PeerAuthentication', 'mesh'],
    ['networking.k8s.io/v1', 'NetworkPolicy', 'meant for something else'],
  ])('whoever brings %s %s along is told what there is instead', (apiVersion, kind, word) => {
    const { diagnostics } = decodeText(`apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: {name: a}\n`);
    expect(diagnostics.map(({ remedy }) => remedy)).toEqual([expect.stringContaining(word)]);
  });

  test.each([
    ['a text', 'hello\n'],
    ['a list', '- a\n'],
    ['a mapping without kind', 'apiVersion: v1\n'],
    ['a mapping without apiVersion', 'kind: Service\n'],
    ['a kind that is a number', 'apiVersion: v1\nkind: 5\n'],
  ])('%s is no object', (_, text) => {
    expect(brief(decodeText(text).diagnostics).map((line) => line.split(' ')[0])).toEqual(['not-an-object']);
  });
});

test('a key that would change what all objects inherit is a key like any other', () => {
  const value = JSON.parse(
    '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","labels":{"__proto__":"x"}},"__proto__":{"polluted":1}}',
  );
  const { resource } = decodeObject(value, { file: 'a', locate: () => ({ file: 'a', line: 1, column: 1 }) });
  expect(Object.entries(resource?.meta.labels ?? {})).toEqual([['__proto__', 'x']]);
  expect(Object.getPrototypeOf(resource?.body)).toBe(Object.prototype);
});
