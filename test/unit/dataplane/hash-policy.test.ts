import { expect, it } from 'vitest';
import { HeaderList } from '../../../src/contract/headers.ts';
import type { GatewayExchange } from '../../../src/dataplane/exchange.ts';
import { hashOf } from '../../../src/dataplane/hash-policy.ts';
import { type Hash64, xxHash64 } from '../../../src/dataplane/upstreams/index.ts';
import type { HashPolicy } from '../../../src/table/model.ts';

const REQUEST = {
  method: 'GET',
  target: '/?user=ann',
  authority: 'shop.example.com',
  headers: HeaderList.from([
    ['x-user', 'ann'],
    ['x-group', 'b'],
    ['x-group', 'a'],
  ]),
};
const EXCHANGE = { clientAddress: '192.0.2.1' } as GatewayExchange;
const header = (name: string): HashPolicy => ({ kind: 'header', name });
const whole = ({ high, low }: Hash64): bigint => (BigInt(high) << 32n) | BigInt(low);
const combined = (...texts: string[]): bigint =>
  texts.reduce((sum, text) => BigInt.asUintN(64, (sum << 1n) | (sum >> 63n)) ^ whole(xxHash64(text)), 0n);

it.each<[policies: readonly HashPolicy[], texts: readonly string[]]>([
  [[header('x-user')], ['ann']],
  [[header('x-group')], ['ab']],
  [
    [header('x-user'), header('x-none'), { kind: 'source-ip' }],
    ['ann', '192.0.2.1'],
  ],
  [
    [header('x-user'), { kind: 'query', name: 'user' }],
    ['ann', 'ann'],
  ],
  [
    [{ kind: 'source-ip' }, header('x-group'), header('x-user'), { kind: 'query', name: 'user' }],
    ['192.0.2.1', 'ab', 'ann', 'ann'],
  ],
])('policies are combined over 64 bits, as Envoy does: %j', (policies, texts) => {
  const { hash } = hashOf(policies, REQUEST, EXCHANGE);
  expect(hash && whole(hash)).toBe(combined(...texts));
});

it('policies that find nothing make no hash', () => {
  expect(hashOf([header('x-none')], REQUEST, EXCHANGE).hash).toBeUndefined();
});
