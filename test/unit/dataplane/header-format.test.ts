import { describe, expect, it } from 'vitest';
import { HeaderList } from '../../../src/contract/index.ts';
import { type FormatFacts, formatHeaderValue } from '../../../src/dataplane/header-format.ts';
import { applyHeaderOperations } from '../../../src/dataplane/header-operations.ts';

const facts = (headers: HeaderList = HeaderList.empty()): FormatFacts => ({
  requestHeader: (name) => (name === ':path' ? '/p?k=a%20b' : headers.get(name)),
  responseHeader: () => undefined,
  protocol: 'HTTP/1.1',
  responseCode: 0,
  responseFlags: [],
  responseDetails: '',
  clientAddress: '203.0.113.7',
  clientPort: 1234,
  peerAddress: '192.0.2.1',
  peerPort: 1234,
  localAddress: '192.0.2.9',
  localPort: 80,
  upstreamHost: undefined,
  upstreamAttempts: 1,
  upstreamCluster: 'outbound|80||web',
  routeName: 'rule.match',
  serverName: undefined,
  path: '/p',
  query: '?k=a%20b',
  originalPath: '/p',
  startedAtMs: 0,
});

describe('operators in header values', () => {
  it.each([
    ['plain', 'plain'],
    ['100%%', '100%'],
    ['[%REQ(x-a)%]', '[1]'],
    ['%REQ(X-A)%', '1'],
    ['%REQ(x-none?x-a)%', '1'],
    ['%REQ(x-empty?x-a)%', ''],
    ['%REQ(x-none)%', ''],
    ['%REQ(x-long):3%', 'abc'],
    ['%REQ(:path)%', '/p?k=a%20b'],
    ['%REQ_WITHOUT_QUERY(:path)%', '/p'],
    ['%RESPONSE_CODE_DETAILS%', ''],
    ['%QUERY_PARAM(k)%', 'a b'],
    ['%PATH(NQ)%', '/p'],
    ['%ROUTE_NAME%', 'rule.match'],
    ['%UPSTREAM_CLUSTER%', 'outbound|80||web;'],
    ['%RESPONSE_CODE%', '0'],
    ['%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%', '203.0.113.7'],
  ])('%s gives %s', (format, value) => {
    const headers = HeaderList.from([
      ['x-a', '1'],
      ['x-a', '2'],
      ['x-empty', ''],
      ['x-long', 'abcdef'],
    ]);
    expect(formatHeaderValue(format, facts(headers))).toBe(value);
  });
});

describe('header operations', () => {
  it('remove first, format, set, add; an empty value does nothing', () => {
    const headers = HeaderList.from([
      ['a', '1'],
      ['b', '2'],
      ['b', '3'],
      ['c', '4'],
    ]);
    applyHeaderOperations(
      headers,
      {
        remove: ['a'],
        set: [
          ['b', 'new'],
          ['c', ''],
          ['seen', '%REQ(a)%'],
        ],
        add: [
          ['b', 'more'],
          ['c', '%REQ(nothing)%'],
        ],
      },
      facts(headers),
    );
    expect([...headers]).toEqual([
      ['b', 'new'],
      ['c', '4'],
      ['b', 'more'],
    ]);
  });
});
