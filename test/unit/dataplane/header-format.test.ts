import { describe, expect, it } from 'vitest';
import { HeaderList } from '../../../src/contract/index.ts';
import { type FormatFacts, formatHeaderValue } from '../../../src/dataplane/header-format.ts';
import { applyHeaderOperations } from '../../../src/dataplane/header-operations.ts';
import { answersKeepOne, joinRepeated } from '../../../src/dataplane/one-value.ts';

const facts = (headers: HeaderList = HeaderList.empty()): FormatFacts => ({
  requestHeader: (name) => (name === ':path' ? '/p?k=a%20b' : headers.get(name)),
  responseHeader: () => undefined,
  protocol: 'HTTP/1.1',
  responseCode: 0,
  responseFlags: ['UF', 'URX', 'XX'],
  responseDetails: '',
  clientAddress: '203.0.113.7',
  clientPort: 1234,
  peerAddress: '192.0.2.1',
  peerPort: 1234,
  localAddress: '192.0.2.9',
  localPort: 80,
  upstreamHost: '192.0.2.7:9080',
  upstreamLocalAddress: '192.0.2.9:40000',
  upstreamAttempts: 1,
  upstreamCluster: 'outbound|80||web',
  routeName: 'rule.match',
  serverName: undefined,
  tlsVersion: 'TLSv1.3',
  tlsCipher: 'TLS_AES_256_GCM_SHA384',
  clientCertificate: {
    pem: '',
    hash: 'c0ffee',
    subject: 'CN=orders,O=Orders\\, Inc.',
    uris: ['spiffe://a', 'spiffe://b'],
    dnsNames: ['orders.example.com'],
    serverUri: undefined,
  },
  startedAtMs: 0,
  bytesReceived: 3,
  bytesSent: 0,
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
    ['%QUERY_PARAM(none)%', ''],
    ['%PATH(NQ)%', '/p'],
    ['%PATH%', '/p?k=a%20b'],
    ['%PATH(WQ:PATH)%', '/p?k=a%20b'],
    ['%PATH(NQ:ORIG_OR_PATH)%', '/p'],
    ['[%PATH(WQ:ORIG)%]', '[]'],
    ['%REQUEST_HEADER(x-none?x-a)%', '1'],
    ['%RESPONSE_HEADER(x-a)%', ''],
    ['%DOWNSTREAM_PEER_SUBJECT%', 'CN=orders,O=Orders\\, Inc.'],
    ['%DOWNSTREAM_PEER_URI_SAN%', 'spiffe://a,spiffe://b'],
    ['%DOWNSTREAM_PEER_DNS_SAN%', 'orders.example.com'],
    ['%DOWNSTREAM_PEER_FINGERPRINT_256%', 'c0ffee'],
    ['%ROUTE_NAME%', 'rule.match'],
    ['%UPSTREAM_CLUSTER%', 'outbound|80||web;'],
    ['%RESPONSE_CODE%', '0'],
    ['%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%', '203.0.113.7'],
    ['%RESPONSE_FLAGS%', 'UF,URX,XX'],
    ['%RESPONSE_FLAGS_LONG%', 'UpstreamConnectionFailure,UpstreamRetryLimitExceeded,XX'],
    ['%UPSTREAM_HOST_NAME%', '192.0.2.7:9080'],
    ['%UPSTREAM_HOST_NAME_WITHOUT_PORT%', '192.0.2.7'],
    ['%UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%', '192.0.2.9'],
    ['%UPSTREAM_LOCAL_PORT%', '40000'],
    ['%DOWNSTREAM_DIRECT_LOCAL_ADDRESS%', '192.0.2.9:80'],
    ['%DOWNSTREAM_DIRECT_LOCAL_PORT%', '80'],
    ['%BYTES_RECEIVED%/%BYTES_SENT%', '3/0'],
    ['%ACCESS_LOG_TYPE%', 'NotSet'],
    ['%QUERY_PARAMS(ORIG)%', 'k=a%20b'],
    ['%DOWNSTREAM_TLS_VERSION% %DOWNSTREAM_TLS_CIPHER%', 'TLSv1.3 TLS_AES_256_GCM_SHA384'],
    ['[%NOT_AN_OPERATOR%]', '[]'],
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

describe('the query in a header value', () => {
  const at = (path: string): FormatFacts => ({ ...facts(), requestHeader: () => path });
  it.each([
    ['/p', '%QUERY_PARAM(a)%', ''],
    ['/p?a', '%QUERY_PARAM(a)%', ''],
    ['/p?b=1&a=2&a=3', '%QUERY_PARAM(a)%', '2'],
    ['/p?%61=1', '%QUERY_PARAM(a)%', '1'],
    ['/p?b%20c=1', '%QUERY_PARAM(b c)%', '1'],
    ['/p?A=1', '%QUERY_PARAM(a)%', ''],
    ['/p?a=%26+%4', '%QUERY_PARAM(a)%', '&+%4'],
    ['/p?', '%QUERY_PARAMS(ORIG)%', ''],
    ['/p?a=%41&b=%20?', '%QUERY_PARAMS(ORIG)%', 'a=%41&b=%20?'],
    ['/p?a=%41%26&b=%20%0a%7F%c3', '%QUERY_PARAMS(DECODED)%', 'a=A&&b=%20%0a%7F%c3'],
  ])('of %s, %s is %j', (path, format, value) => expect(formatHeaderValue(format, at(path))).toBe(value));
});

describe('the path in a header value, after it was rewritten', () => {
  const rewritten: FormatFacts = {
    ...facts(),
    requestHeader: (name) => ({ ':path': '/new?q=1', 'x-envoy-original-path': '/old?q=1' })[name],
    clientCertificate: undefined,
  };
  it.each([
    ['%PATH%', '/old?q=1'],
    ['%PATH(NQ)%', '/old'],
    ['%PATH(WQ:PATH)%', '/new?q=1'],
    ['%PATH(NQ:PATH)%', '/new'],
    ['%PATH(NQ:ORIG)%', '/old'],
    ['%PATH(NQ:ORIG_OR_PATH)%', '/old'],
    ['[%DOWNSTREAM_PEER_SUBJECT%]', '[]'],
  ])('%s gives %s', (format, value) => expect(formatHeaderValue(format, rewritten)).toBe(value));
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
      answersKeepOne,
    );
    expect([...headers]).toEqual([
      ['b', 'new'],
      ['c', '4'],
      ['b', 'more'],
    ]);
  });

  it.each([
    ['content-type', [['content-type', 'a,b']]],
    ['location', [['location', 'a,b']]],
    [
      'x-other',
      [
        ['x-other', 'a'],
        ['x-other', 'b'],
      ],
    ],
  ])('add to %s as Envoy does: joined where it keeps one value, as a line of its own elsewhere', (name, lines) => {
    const headers = HeaderList.from([[name, 'a']]);
    applyHeaderOperations(headers, { remove: [], set: [], add: [[name, 'b']] }, facts(headers), answersKeepOne);
    expect([...headers]).toEqual(lines);
  });

  it('add to several lines loses none of them, and skips empty ones', () => {
    const headers = HeaderList.from([
      ['vary', 'a'],
      ['x-other', '1'],
      ['vary', ''],
      ['vary', 'b'],
    ]);
    applyHeaderOperations(headers, { remove: [], set: [], add: [['vary', 'c']] }, facts(headers), answersKeepOne);
    expect(headers.getAll('vary')).toEqual(['a,b,c']);
  });
});

describe('several lines of one header', () => {
  it('are joined where Envoy keeps one value, without empty ones', () => {
    const headers = HeaderList.from([
      ['via', ''],
      ['x-a', '1'],
      ['x-a', '2'],
      ['via', 'a'],
      ['set-cookie', 'a=1'],
      ['etag', '"1"'],
      ['via', 'b'],
      ['set-cookie', 'b=1'],
      ['etag', '"2"'],
    ]);
    joinRepeated(headers, answersKeepOne);
    expect([...headers].sort()).toEqual([
      ['etag', '"1","2"'],
      ['set-cookie', 'a=1'],
      ['set-cookie', 'b=1'],
      ['via', 'a,b'],
      ['x-a', '1'],
      ['x-a', '2'],
    ]);
  });
});
