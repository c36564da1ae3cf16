import { expect, test } from 'vitest';
import { decodeText, refusals, withSpec } from './support.ts';

const SERVICE = 'scope: service\nservice: {host: limiter.edge, port: 8081, domain: edge}';
const rule = (fields: string): string => `\nrules: [{name: a, ${fields}}]`;
const COUNTED = 'per: route, limits: [{requests: 1, window: 1s}]';

test.each([
  [
    'constants and what a request shows',
    SERVICE + rule('descriptor: [{key: a, value: b}, {key: c, from: {header: x-a}}]'),
    [],
  ],
  ['a claim', SERVICE + rule('descriptor: [{key: sub, from: {claim: sub}}]'), []],
  ['a timeout', SERVICE.replace('edge}', 'edge, timeout: 50ms}') + rule('descriptor: [{key: a, from: path}]'), []],
  [
    'a timeout that is none',
    SERVICE.replace('edge}', 'edge, timeout: soon}') + rule('descriptor: [{key: a, from: path}]'),
    ['invalid-value spec.service.timeout'],
  ],
  ['nobody to ask', `scope: service${rule('descriptor: [{key: a, value: b}]')}`, ['missing-field spec.service']],
  [
    'somebody whom nobody asks',
    SERVICE.replace('scope: service', 'scope: shared') + rule(COUNTED),
    ['conflicting-fields spec.service'],
  ],
  ['nothing to ask about', SERVICE + rule('match: {}'), ['missing-field spec.rules[0].descriptor']],
  [
    'limits of its own',
    SERVICE + rule(`descriptor: [{key: a, value: b}], ${COUNTED}`),
    ['conflicting-fields spec.rules[0].per', 'conflicting-fields spec.rules[0].limits'],
  ],
  [
    'a descriptor that nobody reads',
    `scope: local${rule(`descriptor: [{key: a, value: b}], ${COUNTED}`)}`,
    ['conflicting-fields spec.rules[0].descriptor'],
  ],
  [
    'a rule without anything',
    `scope: local${rule('match: {}')}`,
    ['missing-field spec.rules[0].per', 'missing-field spec.rules[0].limits'],
  ],
  [
    'entries that say too little, or too much',
    SERVICE + rule('descriptor: [{key: a}, {key: b, value: c, from: route}]'),
    ['invalid-value spec.rules[0].descriptor[0]', 'invalid-value spec.rules[0].descriptor[1]'],
  ],
  [
    'no name of a header',
    SERVICE + rule('descriptor: [{key: a, from: {header: "x y"}}]'),
    ['invalid-value spec.rules[0].descriptor[0].from.header'],
  ],
])('a RateLimit that a service keeps: %s', (_name, spec, refused) => {
  expect(refusals(decodeText(withSpec('RateLimit', spec)))).toEqual(refused);
});
