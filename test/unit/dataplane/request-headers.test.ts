import { describe, expect, it } from 'vitest';
import { HeaderList } from '../../../src/contract/index.ts';
import { trustedClientAddress } from '../../../src/dataplane/client-address.ts';
import { applyHeaderPolicy, type HeaderPolicyInput } from '../../../src/dataplane/request-headers.ts';
import { endToEnd } from '../../../src/dataplane/upstreams/http1-framing.ts';

const defaults: HeaderPolicyInput = {
  settings: { pathNormalization: 'base', numTrustedProxies: 0, forwardClientCert: 'sanitize-set' },
  remoteAddress: '192.0.2.1',
  secure: false,
  clientAddress: '192.0.2.1',
  certificate: undefined,
  upgrade: undefined,
};

function policy(lines: [string, string][], input: Partial<HeaderPolicyInput> = {}) {
  const headers = HeaderList.from(lines);
  const outcome = applyHeaderPolicy(headers, { ...defaults, ...input });
  return {
    outcome,
    headers,
    own: [...headers].filter(([name]) => !name.startsWith('x-forwarded') && !name.startsWith('x-envoy')),
  };
}

describe('header policy of requests', () => {
  it.each<[string, [string, string][], [string, string][]]>([
    [
      'drops hop-by-hop lines',
      [
        ['keep-alive', '9'],
        ['proxy-connection', 'x'],
        ['transfer-encoding', 'chunked'],
        ['a', '1'],
      ],
      [['a', '1']],
    ],
    [
      'drops what Connection names',
      [
        ['connection', 'close, X-Other'],
        ['x-other', '1'],
        ['b', '2'],
      ],
      [['b', '2']],
    ],
    ['lets Connection name what is not there', [['connection', 'x-other']], []],
    ['keeps te only as trailers', [['te', 'gzip, trailers']], [['te', 'trailers']]],
    ['drops te of any other kind', [['te', 'gzip;q=1, Trailers']], []],
    [
      'keeps trailers when Connection names te',
      [
        ['connection', 'te'],
        ['te', 'trailers'],
      ],
      [['te', 'trailers']],
    ],
    [
      'drops an upgrade that is none, but no HTTP2-Settings that Connection does not name',
      [
        ['upgrade', 'websocket'],
        ['http2-settings', 'x'],
      ],
      [['http2-settings', 'x']],
    ],
    [
      'drops the settings of an upgrade to HTTP/2',
      [
        ['connection', 'upgrade, http2-settings'],
        ['upgrade', 'h2c'],
        ['http2-settings', 'x'],
      ],
      [],
    ],
    [
      'drops what steers other proxies',
      [
        ['x-original-url', '/admin'],
        ['x-http-method-override', 'DELETE'],
        ['proxy', 'evil'],
      ],
      [],
    ],
    [
      'keeps what it has no business with',
      [
        ['x-b', '1'],
        ['x-b', '2'],
        ['cookie', 'a=1'],
      ],
      [
        ['x-b', '1'],
        ['x-b', '2'],
        ['cookie', 'a=1'],
      ],
    ],
  ])('%s', (_title, lines, kept) => {
    const { outcome, own } = policy(lines);
    expect(outcome.ok).toBe(true);
    expect(own).toEqual(kept);
  });

  it.each([['x-envoy-retry-on'], ['x-envoy-original-path'], ['x-envoy-upstream-rq-timeout-ms'], ['x-envoy-internal']])(
    'takes %s from clients away',
    (name) => {
      expect(policy([[name, 'x']]).headers.has(name)).toBe(false);
    },
  );

  it.each<[string, [string, string][], string]>([
    ['Connection naming x-forwarded-for', [['connection', 'x-forwarded-for']], 'bad-request'],
    ['Connection naming host', [['connection', 'host']], 'bad-request'],
    ['Connection naming a pseudo header', [['connection', ':path']], 'bad-request'],
    ['Connection naming ten headers', [['connection', 'a,b,c,d,e,f,g,h,i,j']], 'bad-request'],
    ['an underscore in a name', [['x_user_id', '1']], 'underscore-in-header'],
  ])('refuses %s', (_title, lines, kind) => {
    const { outcome } = policy(lines);
    expect(outcome.ok ? 'accepted' : outcome.error.kind).toBe(kind);
  });

  it('sets ours after what the client may have nominated away', () => {
    const { headers } = policy([
      ['connection', 'x-envoy-external-address'],
      ['x-forwarded-proto', 'https'],
      ['x-forwarded-for', '203.0.113.7'],
    ]);
    expect(headers.get('x-envoy-external-address')).toBe('192.0.2.1');
    expect(headers.get('x-forwarded-proto')).toBe('http');
    expect(headers.get('x-forwarded-for')).toBe('203.0.113.7,192.0.2.1');
  });

  it.each([
    ['two lines', ['198.51.100.1, 198.51.100.2', '203.0.113.7'], '198.51.100.1, 198.51.100.2,203.0.113.7,192.0.2.1'],
    ['an empty line', ['', '203.0.113.7'], '203.0.113.7,192.0.2.1'],
    ['nothing in it', [''], '192.0.2.1'],
    ['none', [], '192.0.2.1'],
  ])('appends the peer to X-Forwarded-For without a blank: %s', (_title, sent, expected) => {
    const { headers } = policy(sent.map((line): [string, string] => ['x-forwarded-for', line]));
    expect(headers.getAll('x-forwarded-for')).toEqual([expected]);
  });

  it('believes a trusted proxy about the scheme', () => {
    const settings = { ...defaults.settings, numTrustedProxies: 1 };
    expect(policy([['x-forwarded-proto', 'https']], { settings }).headers.get('x-forwarded-proto')).toBe('https');
  });

  it('appends to no empty client certificate header', () => {
    const certificate = { pem: 'P', hash: 'h', subject: 'CN=a', uris: [], dnsNames: [], serverUri: undefined };
    const settings = { ...defaults.settings, forwardClientCert: 'append-forward' as const };
    const { headers } = policy([['x-forwarded-client-cert', '']], { settings, certificate, secure: true });
    expect(headers.getAll('x-forwarded-client-cert')).toEqual(['Hash=h;Cert="P";Subject="CN=a";URI=']);
  });

  it('drops a client certificate header that nobody vouches for', () => {
    expect(policy([['x-forwarded-client-cert', 'Hash=1']]).headers.has('x-forwarded-client-cert')).toBe(false);
  });
});

describe('the client address', () => {
  it.each<[string, string[], number, string]>([
    ['the peer without trusted proxies', ['203.0.113.7'], 0, '192.0.2.1'],
    ['the n-th from the right', ['56.5.6.7, 72.9.5.6, 98.1.2.3'], 2, '72.9.5.6'],
    ['over several lines', ['56.5.6.7', '72.9.5.6'], 2, '56.5.6.7'],
    ['the peer when there are too few', ['98.1.2.3'], 2, '192.0.2.1'],
    ['the peer when the entry has a port', ['1.2.3.4:80'], 1, '192.0.2.1'],
    ['the peer when the entry is a word', ['unknown'], 1, '192.0.2.1'],
    ['the peer when the entry has a zone', ['fe80::1%eth0'], 1, '192.0.2.1'],
  ])('is %s', (_title, lines, hops, address) => {
    expect(trustedClientAddress('192.0.2.1', lines, hops)).toBe(address);
  });
});

describe('header policy of answers', () => {
  it('drops what is between the service and the gateway, and what its Connection names', () => {
    const headers = HeaderList.from([
      ['connection', 'close, x-secret'],
      ['keep-alive', 'timeout=5'],
      ['x-secret', '1'],
      ['upgrade', 'h2'],
      ['x-ours', '1'],
    ]);
    const kept = HeaderList.fromRaw(endToEnd(headers.raw(), { kind: 'none' }, false));
    expect([...kept]).toEqual([['x-ours', '1']]);
  });
});

describe('a referer', () => {
  const referersLeft = (referer: string): readonly string[] => {
    return policy([['referer', referer]]).headers.getAll('referer');
  };

  it.each([
    ...['https://a/#x', 'https://a#', '/#', 'https://u:p@a/', 'https://a_b/', 'https://a:/', 'https://a:65536/'],
    ...['http://[::1', 'http://[]/', 'http://*.a/', 'http://a/\xe9', '/\xe9', '/"x"', '/a[b]', 'a|b', 'x:y', 'http://'],
    ...['https://a:b/', 'a b', 'http://a/ b'],
  ])('is dropped if it is %s', (referer) => expect(referersLeft(referer)).toEqual([]));

  it.each([
    ...['/x', '/a:b', '/?u=http://a', 'x/y:z', 'x@y', '*', '?x', '//a:80/', 'https://a', 'https://a:080/', ''],
    ...['http://@a/', 'http://a/#', 'http://a?#', 'http://[::1]:80/?a"b', 'a1+-.://b/[x]'],
  ])('stays if it is %s', (referer) => expect(referersLeft(referer)).toEqual([referer]));
});
