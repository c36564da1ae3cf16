import { describe, expect, test } from 'vitest';
import { decodeText, refusals, withSpec } from './support.ts';

const check = (
  kind: string,
  rows: readonly (readonly [name: string, spec: string, refused: readonly string[]])[],
): void =>
  void test.each(rows)('%s', (_name, spec, refused) => {
    expect(refusals(decodeText(withSpec(kind, spec)))).toEqual(refused);
  });

describe('EdgePolicy', () => {
  check('EdgePolicy', [
    [
      'a whole one',
      'selector: {matchLabels: {istio: ingressgateway}}\nclientAddresses: {level: default, allow: [10.0.0.0/8, "2001:db8::/32", 192.0.2.1], deny: []}\nlimits: {bodyBytes: 0, headerBytes: 8192}\nsecurityHeaders: {set: {X-Frame-Options: DENY}, remove: [server]}\ncompression: {enabled: true, algorithms: [br], minBytes: 0, contentTypes: [text/*, application/json]}',
      [],
    ],
    ['a team’s', 'targetRefs: [{kind: VirtualService, name: web}]\nlimits: {bodyBytes: 5}', []],
    ['nothing', '{}', []],
    [
      'selector and targets',
      'selector: {}\ntargetRefs: [{kind: VirtualService, name: web}]',
      ['conflicting-fields spec'],
    ],
    ['another target', 'targetRefs: [{kind: Service, name: web}]', ['invalid-value spec.targetRefs[0]']],
    [
      'a target of another group',
      'targetRefs: [{group: apps, kind: VirtualService, name: web}]',
      ['invalid-value spec.targetRefs[0]'],
    ],
    [
      'no address',
      'clientAddresses: {allow: [10.0.0.0/33, "10.1"]}',
      ['invalid-value spec.clientAddresses.allow[0]', 'invalid-value spec.clientAddresses.allow[1]'],
    ],
    [
      'no address with leading zeros',
      'clientAddresses: {deny: [010.0.0.1]}',
      ['invalid-value spec.clientAddresses.deny[0]'],
    ],
    ['a negative limit', 'limits: {bodyBytes: -1}', ['invalid-value spec.limits.bodyBytes']],
    ['an unknown level', 'limits: {level: optional}', ['unknown-value spec.limits.level']],
    ['a name that is none', 'securityHeaders: {set: {"x y": a}}', ['invalid-value spec.securityHeaders.set["x y"]']],
    [
      'a header of the message itself',
      'securityHeaders: {set: {Content-Length: "0"}, remove: [Set-Cookie]}',
      ['invalid-value spec.securityHeaders.set.Content-Length', 'invalid-value spec.securityHeaders.remove[0]'],
    ],
    [
      'a header that CORS has',
      'securityHeaders: {set: {Access-Control-Allow-Origin: "*"}}',
      ['invalid-value spec.securityHeaders.set.Access-Control-Allow-Origin'],
    ],
    ['a value of two lines', 'securityHeaders: {set: {X-A: "a\\nb"}}', ['invalid-value spec.securityHeaders.set.X-A']],
    ['a name twice', 'securityHeaders: {set: {X-A: a, x-a: b}}', ['invalid-value spec.securityHeaders.set.x-a']],
    [
      'set and removed',
      'securityHeaders: {set: {X-A: a}, remove: [x-a]}',
      ['conflicting-fields spec.securityHeaders.remove[0]'],
    ],
    ['compression that is neither on nor off', 'compression: {}', ['missing-field spec.compression.enabled']],
    [
      'an unknown algorithm',
      'compression: {enabled: true, algorithms: [deflate]}',
      ['unknown-value spec.compression.algorithms[0]'],
    ],
    [
      'no media type',
      'compression: {enabled: true, contentTypes: ["*/*", json]}',
      ['invalid-value spec.compression.contentTypes[0]', 'invalid-value spec.compression.contentTypes[1]'],
    ],
  ]);
});

describe('PolicyExemption', () => {
  const whole = 'approver: ada\nreason: uploads\nexpires: 2026-07-01T00:00:00Z\nsections: [limits]\nnamespace: shop';
  check('PolicyExemption', [
    ['a whole one', `${whole}\nroutes: [shop/web]\npolicy: base`, []],
    ['nobody who answers for it', whole.replace('approver: ada\n', ''), ['missing-field spec.approver']],
    ['no end', whole.replace(/expires.*\n/, ''), ['missing-field spec.expires']],
    ['an end that is no time', whole.replace('2026-07-01T00:00:00Z', 'tomorrow'), ['invalid-value spec.expires']],
    ['no reason', whole.replace('uploads', '""'), ['invalid-value spec.reason']],
    ['routes of another namespace', `${whole}\nroutes: [other/web]`, ['invalid-value spec.routes[0]']],
    ['an unknown section', whole.replace('limits', 'jwt'), ['unknown-value spec.sections[0]']],
  ]);
});
