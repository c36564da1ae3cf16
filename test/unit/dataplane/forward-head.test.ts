import { describe, expect, it } from 'vitest';
import { HeaderList } from '../../../src/contract/index.ts';
import type { GatewayExchange } from '../../../src/dataplane/exchange.ts';
import { announce, timeoutOf } from '../../../src/dataplane/forward-head.ts';
import type { ForwardAction } from '../../../src/table/model.ts';

describe('how long an answer may take', () => {
  it.each([
    // grpc-timeout, the rule's, what holds
    [undefined, undefined, undefined],
    [undefined, 500, 500],
    ['100m', undefined, 100],
    ['100m', 500, 100],
    ['2S', 500, 500],
    ['1H', undefined, 3_600_000],
    ['2M', undefined, 120_000],
    ['1500u', undefined, 2],
    ['1n', undefined, 1],
    ['0m', undefined, undefined],
    ['0S', 500, 500],
    ['123456789m', undefined, undefined],
    ['10', undefined, undefined],
    ['m', undefined, undefined],
    ['-1m', 500, 500],
    ['1 m', undefined, undefined],
  ])('grpc-timeout %s under %s: %s', (own, timeoutMs, expected) => {
    const headers = HeaderList.from(own === undefined ? [] : [['grpc-timeout', own]]);
    const action = { timeoutMs } as ForwardAction;
    expect(timeoutOf({ forwardsGrpc: true, headers } as GatewayExchange, action)).toBe(expected);
    expect(timeoutOf({ forwardsGrpc: false, headers } as GatewayExchange, action)).toBe(timeoutMs);
  });
});

describe('how long a service is told to have', () => {
  it.each([
    [undefined, undefined, undefined],
    [250, '250', '250m'],
    [99_999_999, '99999999', '99999999m'],
    [100_000_000, '100000000', '100000S'],
    [99_999_999_000, '99999999000', '99999999S'],
    [100_000_000_000, '100000000000', '1666666M'],
    [6_000_000_000_000_000, '6000000000000000', '99999999H'],
  ])('%s ms', (timeoutMs, expected, grpc) => {
    const headers = HeaderList.from([]);
    announce(headers, true, timeoutMs);
    expect([headers.get('x-envoy-expected-rq-timeout-ms'), headers.get('grpc-timeout')]).toEqual([expected, grpc]);
    const plain = HeaderList.from([]);
    announce(plain, false, timeoutMs);
    expect([plain.get('x-envoy-expected-rq-timeout-ms'), plain.get('grpc-timeout')]).toEqual([expected, undefined]);
  });
});
