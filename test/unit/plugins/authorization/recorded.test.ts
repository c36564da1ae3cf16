import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { contradictions, loadPolicyCase } from '../../../support/policy-judge.ts';

/** Where we differ on purpose: case → request → the row that says so. */
const DIFFERENT: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'jwt/from-params': {
    'order of the others': 'product.md: the rest of a query stays byte for byte',
    'escaped slash in another parameter': 'product.md: the rest of a query stays byte for byte',
    'escaped letter and plus in another parameter': 'product.md: the rest of a query stays byte for byte',
    'escaped ampersand in another parameter': 'product.md: the rest of a query stays byte for byte',
    'escaped name of another parameter': 'product.md: the rest of a query stays byte for byte',
    'parameter without a value': 'product.md: the rest of a query stays byte for byte',
  },
  'jwt/authorization-spelling': { 'proxy-authorization': 'edge-security S-02.13: not forwarded' },
  'jwt/key-choice': {
    'encryption key': 'edge-security J-22: use enc',
    'key for signing only': 'edge-security J-22: wrong key_ops',
  },
  'jwt/malformed-tokens': { 'padding in the parts': 'edge-security J-08: padding' },
  'jwt/one-rule': { 'crit header': 'edge-security J-07: unknown crit' },
  'authz/request-headers': { '/suffix two lines': 'edge-security S-08: ALLOW only if all lines fit' },
  'authz/allow-nothing': { grpc: 'a denial takes the form of gRPC only on the wire' },
};

const root = join(import.meta.dirname, '../../../istio');

describe('what Istio was recorded to answer', () => {
  for (const category of ['jwt', 'jwt-routing', 'authz', 'ext-authz']) {
    it.each(readdirSync(join(root, category)))(`is what the policies of ${category}/%s come to`, async (name) => {
      const recorded = loadPolicyCase(join(root, category, name));
      const { requests, answers } = recorded;
      const different = DIFFERENT[`${category}/${name}`] ?? {};
      const found: Record<string, readonly string[]> = {};
      for (const request of requests) {
        const judgement = await recorded.judge(request);
        const answer = answers[request.id];
        if (judgement === undefined || answer === undefined) continue;
        const contradicted = contradictions(judgement, answer);
        if (contradicted.length > 0) found[request.id] = contradicted;
      }
      expect(Object.entries(found).filter(([id]) => !Object.hasOwn(different, id))).toEqual([]);
      expect(Object.keys(found)).toEqual(expect.arrayContaining(Object.keys(different)));
    });
  }
});
