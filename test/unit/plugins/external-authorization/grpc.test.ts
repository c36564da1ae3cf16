import { describe, expect, it } from 'vitest';
import { encodeCheck } from '../../../../plugins/external-authorization/grpc-check.ts';
import type { GrpcProvider } from '../../../../plugins/external-authorization/provider.ts';
import { changeQuery, isQueryName, isQueryValue } from '../../../../plugins/external-authorization/query.ts';
import type { ClientCertificate } from '../../../../src/contract/index.ts';
import { type FakeRequest, fakeExchange } from '../../../support/fake-exchange.ts';
import { readCheck } from '../../../support/grpc-service.ts';

const provider = {} as GrpcProvider;
const check = (request: FakeRequest) =>
  readCheck(encodeCheck(fakeExchange(request), provider, undefined))['attributes'] as Record<
    string,
    Record<string, Record<string, unknown>>
  >;

const certificate = (changes: Partial<ClientCertificate>): ClientCertificate => ({
  pem: '',
  hash: '',
  subject: 'CN=ada',
  uris: [],
  dnsNames: [],
  serverUri: undefined,
  ...changes,
});

describe('a check', () => {
  it.each([
    [{ uris: ['spiffe://a/b', 'spiffe://c'], dnsNames: ['ada.example'] }, 'spiffe://a/b'],
    [{ dnsNames: ['ada.example', 'other.example'] }, 'ada.example'],
    [{}, 'CN=ada'],
  ])('names the client of a verified certificate: %j', (changes, expected) => {
    const client = certificate({ serverUri: 'spiffe://edge', ...changes });
    const attributes = check({ tls: { serverName: 'shop.example.com', client } });
    expect(attributes['source']?.['principal']).toBe(expected);
    expect(attributes['destination']?.['principal']).toBe('spiffe://edge');
    expect(attributes['tls_session']).toEqual({ sni: 'shop.example.com' });
  });

  it('names nobody without one', () => {
    const attributes = check({ tls: { serverName: undefined, client: undefined } });
    expect(attributes['source']).not.toHaveProperty('principal');
    expect(attributes['destination']).not.toHaveProperty('principal');
    expect(attributes['tls_session']).toEqual({});
  });

  it('has the address that the connection speaks for, not what a header says', () => {
    const attributes = check({
      peerAddress: '203.0.113.1',
      remoteAddress: '2001:db8::7',
      clientAddress: '198.51.100.1',
      localAddress: '2001:db8::1',
      listenerPort: 443,
    });
    expect(attributes['source']?.['address']).toEqual({ socket_address: { address: '2001:db8::7' } });
    expect(attributes['destination']?.['address']).toEqual({
      socket_address: { address: '2001:db8::1', port_value: 443 },
    });
  });

  it('holds values that are no text', () => {
    const request = check({ headers: [['x-odd', '\xff\xfe']], path: '/\xe9' })['request']?.['http'];
    expect(request?.['headers']).toMatchObject({ 'x-odd': '!!' });
    expect(request?.['path']).toBe('/!');
  });
});

describe('parameters of a query', () => {
  it.each([
    ['?a=1&b=2&a=3', [['a', '9']], [], '?a=9&b=2'],
    ['?a=1', [['b', '']], [], '?a=1&b='],
    ['', [['b', '1']], [], '?b=1'],
    ['?', [['b', '1']], [], '?b=1'],
    ['?a&%61=1&A=2&a%00=3', [], ['a'], '?A=2&a%00=3'],
    ['?a+b=1&a%20b=2', [], ['a+b'], ''],
    ['?x=%zz&y=+', [], ['nobody'], '?x=%zz&y=+'],
    ['?a=1', [['a', '2']], ['a'], ''],
    ['?z=%20&y', [], [], '?z=%20&y'],
  ] as const)('%s', (query, set, remove, expected) => {
    expect(changeQuery(query, { set, remove })).toBe(expected);
  });

  it.each(['a b', 'a&b', 'a#b', 'a\r\n', 'é', '"', '<'])('may not hold %j', (text) => {
    expect([isQueryName(text), isQueryValue(text)]).toEqual([false, false]);
  });

  it.each(['a.b', '%20', 'a/b?c', ''])('may hold %j', (text) => {
    expect([isQueryName(text), isQueryValue(text)]).toEqual([true, true]);
  });

  it('have an equals sign in values alone', () => {
    expect([isQueryName('a='), isQueryValue('a=')]).toEqual([false, true]);
  });
});
