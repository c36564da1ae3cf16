import { expect, it } from 'vitest';
import { identityRateLimitSpec, rateLimitSpec } from '../../../../plugins/rate-limit/config.ts';
import type { ImaginedRequest } from '../../../../src/contract/index.ts';
import { fakeExchange } from '../../../support/fake-exchange.ts';
import { fakeContext, fakePolicy } from '../../../support/policy-context.ts';

const minute = (requests: number, burst?: number): object => ({ requests, window: '1m', ...(burst && { burst }) });
const context = fakeContext([
  fakePolicy('RateLimit', {
    name: 'own',
    spec: {
      scope: 'shared',
      rules: [
        { name: 'all', per: 'client-address', limits: [minute(5, 9), { requests: 2, window: '1s' }] },
        { name: 'others', match: { paths: [{ prefix: '/other' }] }, per: 'gateway', limits: [minute(1)] },
        { name: 'keys', match: { methods: ['GET'] }, per: { header: 'x-key' }, limits: [minute(3)] },
        { name: 'users', per: { claim: 'sub' }, limits: [minute(4)] },
      ],
    },
  }),
  fakePolicy('RateLimit', {
    name: 'asked',
    spec: {
      scope: 'service',
      service: { host: 'limits.test', port: 8081, domain: 'edge' },
      rules: [
        { name: 'a', descriptor: [{ key: 'k', value: 'v' }] },
        { name: 'b', match: { hosts: ['nowhere.test'] }, descriptor: [{ key: 'k', value: 'v' }] },
      ],
    },
  }),
]);

it('tells by which limits a request would be counted', () => {
  const request = fakeExchange({ path: '/x' }) as unknown as ImaginedRequest;
  const foreseen = [rateLimitSpec, identityRateLimitSpec].map((spec) => {
    const settings = spec.compileWorkload?.(context);
    return settings === undefined ? undefined : spec.foresee?.(request, settings);
  });
  expect(foreseen).toEqual([
    [
      'counted by istio-system/own/all: 5 in 60 s (9 at once) and 2 in 1 s for each client-address, by all replicas together',
      'counted by istio-system/own/keys: 3 in 60 s for each value of the header x-key, by all replicas together',
      'the service limits.test:8081 is asked, by a',
    ],
    ['counted by istio-system/own/users: 4 in 60 s for each value of the claim sub, by all replicas together'],
  ]);
});
