import { describe, expect, it } from 'vitest';
import { collectCredentials } from '../../../../src/compiler/backends/index.ts';
import type { Resource, ResourceOf } from '../../../../src/resources/kinds.ts';
import { resourceSet } from '../../../../src/resources/set.ts';
import type { Credential } from '../../../../src/table/model.ts';
import { object, options, rule } from './builders.ts';
import { resourcesOf } from './recorded.ts';

const pem = (label: string, content = 'AAAA'): string =>
  `-----BEGIN ${label}-----\n${content}\n-----END ${label}-----\n`;
const CERTIFICATE = pem('CERTIFICATE');
const KEY = pem('PRIVATE KEY');
const CA = pem('CERTIFICATE', 'BBBB');
const CRL = pem('X509 CRL');

const secret = (id: string, data: Readonly<Record<string, string>>): ResourceOf<'Secret'> =>
  object('Secret', id, { data: Object.fromEntries(Object.entries(data).map(([key, text]) => [key, btoa(text)])) });

const pair: Credential = { kind: 'pair', certificatePem: CERTIFICATE, keyPem: KEY };
const ca: Credential = { kind: 'ca', certificatesPem: CA, crlPem: undefined };
const tls = { 'tls.crt': CERTIFICATE, 'tls.key': KEY };

const settings = options();
const collect = (objects: readonly Resource[], ...names: string[]): ReturnType<typeof collectCredentials> =>
  collectCredentials(resourceSet(objects), new Set(names), settings);
const one = (objects: readonly Resource[], name: string): Credential | undefined =>
  collect(objects, name).credentials.credentials[name];

describe('a key pair', () => {
  it.each<[string, Readonly<Record<string, string>>, Credential | undefined]>([
    ['tls.crt and tls.key', tls, pair],
    ['cert and key', { cert: CERTIFICATE, key: KEY }, pair],
    ['both, cert and key winning', { 'tls.crt': CA, 'tls.key': KEY, cert: CERTIFICATE, key: KEY }, pair],
    ['cert alone beside the others', { ...tls, cert: CA }, pair],
    ['an RSA key', { ...tls, 'tls.key': pem('RSA PRIVATE KEY') }, { ...pair, keyPem: pem('RSA PRIVATE KEY') }],
    [
      'text around the blocks',
      { ...tls, 'tls.crt': `x\n${CERTIFICATE}` },
      { ...pair, certificatePem: `x\n${CERTIFICATE}` },
    ],
    ['no key', { 'tls.crt': CERTIFICATE }, undefined],
    ['nothing', {}, undefined],
    ['empty values', { 'tls.crt': '', 'tls.key': '' }, undefined],
    ['other keys', { certificate: CERTIFICATE, 'private-key': KEY }, undefined],
    ['garbage', { 'tls.crt': 'x', 'tls.key': 'y' }, undefined],
    ['the two swapped', { 'tls.crt': KEY, 'tls.key': CERTIFICATE }, undefined],
    ['an encrypted key', { ...tls, 'tls.key': pem('ENCRYPTED PRIVATE KEY') }, undefined],
    ['a certificate cut off', { ...tls, 'tls.crt': '-----BEGIN CERTIFICATE-----\nAAAA' }, undefined],
  ])('from a Secret with %s', (_, data, expected) => {
    expect(one([secret('istio-system/web', data)], 'web')).toEqual(expected);
    const { diagnostics } = collect([secret('istio-system/web', data)], 'web');
    expect(diagnostics.map(({ code }) => code)).toEqual(expected === undefined ? ['credential-invalid'] : []);
  });

  it('may be plain text under stringData, which is taken over data; data that is no base64 is of no use', () => {
    const plain = object('Secret', 'istio-system/web', { data: { 'tls.crt': '*' }, stringData: tls });
    expect(one([plain], 'web')).toEqual(pair);
    expect(
      one([object('Secret', 'istio-system/web', { data: { 'tls.crt': '*', 'tls.key': '*' } })], 'web'),
    ).toBeUndefined();
  });

  it.each([
    ['kubernetes://web', pair],
    ['istio-system/web', pair],
    ['kubernetes://istio-system/web', pair],
    ['shop/web', undefined],
    ['kubernetes://shop/web', undefined],
    ['shop', undefined],
  ])('%s is looked for in the gateway’s own namespace alone', (name, expected) => {
    expect(one([secret('istio-system/web', tls), secret('shop/web', tls), secret('shop/shop', tls)], name)).toEqual(
      expected,
    );
  });
});

describe('a CA', () => {
  it.each<[string, readonly Resource[], Credential | undefined]>([
    ['of a Secret of its own', [secret('istio-system/web-cacert', { 'ca.crt': CA })], ca],
    ['beside the key pair', [secret('istio-system/web', { ...tls, 'ca.crt': CA })], ca],
    ['under cacert, which wins', [secret('istio-system/web', { 'ca.crt': CERTIFICATE, cacert: CA })], ca],
    [
      'of its own Secret, even a useless one',
      [secret('istio-system/web-cacert', {}), secret('istio-system/web', { 'ca.crt': CA })],
      undefined,
    ],
    ['with a revocation list', [secret('istio-system/web', { 'ca.crt': CA, 'ca.crl': CRL })], { ...ca, crlPem: CRL }],
    ['with a list of the generic form', [secret('istio-system/web', { cacert: CA, crl: CRL })], { ...ca, crlPem: CRL }],
    ['with a broken list', [secret('istio-system/web', { 'ca.crt': CA, 'ca.crl': 'x' })], undefined],
    ['that is none', [secret('istio-system/web', { 'ca.crt': KEY })], undefined],
    ['that is not there', [secret('istio-system/web', tls)], undefined],
    ['of another namespace', [secret('shop/web-cacert', { 'ca.crt': CA })], undefined],
  ])('%s', (_, objects, expected) => {
    expect(one(objects, 'web-cacert')).toEqual(expected);
  });

  it('by a name without the suffix is fetched as a key pair, so that nobody gets in', () => {
    expect(one([secret('istio-system/partners', { 'ca.crt': CA })], 'partners')).toBeUndefined();
    expect(one([secret('istio-system/partners', { ...tls, 'ca.crt': CA })], 'partners')).toEqual(pair);
  });
});

describe('the table', () => {
  const objects = [secret('istio-system/web', tls), secret('istio-system/other', tls)];

  it('holds what is asked for and nothing else, and leaves files and the mesh to others', () => {
    const names = ['web', 'gone', 'file-pair:/crt|/key', 'file-ca:/ca', 'mesh:pair', 'mesh:ca'];
    const { credentials, diagnostics } = collect(objects, ...names);
    expect(Object.keys(credentials.credentials)).toEqual(['web']);
    expect(diagnostics.map(({ code }) => code)).toEqual(['credential-missing']);
  });

  it('is the same object while no key changes, and has another revision when one does', () => {
    const before = collect(objects, 'web').credentials;
    expect(collect([...objects, secret('istio-system/more', tls)], 'web').credentials).toBe(before);
    const rotated = collect([secret('istio-system/web', { ...tls, 'tls.crt': CA })], 'web').credentials;
    expect(rotated.revision).not.toBe(before.revision);
    expect(collectCredentials(resourceSet(objects), new Set(['web']), options()).credentials.revision).toBe(
      before.revision,
    );
  });
});

describe('findings about credentials', () => {
  const gateway = object('Gateway', 'infra/public', {
    spec: {
      servers: [
        { hosts: ['a'], port: { number: 443 }, tls: { mode: 'SIMPLE', credentialName: 'web' } },
        { hosts: ['b'], port: { number: 80 } },
        { hosts: ['c'], port: { number: 443 }, tls: { mode: 'MUTUAL', credentialNames: ['rsa', 'ecdsa'] } },
      ],
    },
  });
  const ledger = rule('bank/ledger', {
    host: 'ledger',
    trafficPolicy: {
      portLevelSettings: [{ port: { number: 443 }, tls: { mode: 'MUTUAL', credentialName: 'client' } }],
    },
    subsets: [{ name: 'v1', trafficPolicy: { tls: { mode: 'SIMPLE', credentialName: 'roots' } } }],
  });

  it.each([
    ['web', 'infra/public', 'spec.servers.0.tls.credentialName'],
    ['ecdsa', 'infra/public', 'spec.servers.2.tls.credentialNames.1'],
    ['rsa-cacert', 'infra/public', 'spec.servers.2.tls.credentialNames.0'],
    ['client', 'bank/ledger', 'spec.trafficPolicy.portLevelSettings.0.tls.credentialName'],
    ['roots-cacert', 'bank/ledger', 'spec.subsets.0.trafficPolicy.tls.credentialName'],
  ])('%s is missed where it is named', (name, owner, field) => {
    const [finding, ...others] = collect([gateway, ledger], name).diagnostics;
    expect(others).toEqual([]);
    expect(finding?.code).toBe('credential-missing');
    expect(`${finding?.object?.namespace}/${finding?.object?.name}`).toBe(owner);
    expect(finding?.field?.join('.')).toBe(field);
  });

  it('say that a Secret of the rule’s own namespace is not the one, and never what a Secret holds', () => {
    const [missing] = collect([ledger, secret('bank/client', tls)], 'client').diagnostics;
    expect(missing?.message).toBe(
      'Secret client of namespace istio-system, the gateway’s own, does not exist; the one in bank is not looked for',
    );
    expect(missing?.consequence).toContain('503');
    const [ofCa] = collect([ledger, secret('bank/roots', { 'ca.crt': CA })], 'roots-cacert').diagnostics;
    expect(ofCa?.message).toContain('Secret roots or roots-cacert of namespace istio-system');
    expect(ofCa?.message).toContain('the one in bank is not looked for');
    const [broken] = collect([gateway, secret('istio-system/web', { ...tls, 'tls.key': 'hush' })], 'web').diagnostics;
    expect(broken?.message).toContain('no unencrypted PEM private key in tls.key');
    expect(JSON.stringify(broken)).not.toContain('hush');
  });
});

/** Names of recorded cases, and whether Istio got a usable answer for them. */
describe.each([
  [
    'tls/secret-forms',
    {
      'tls-cert': true,
      'opaque-cert': true,
      'generic-cert': true,
      'kubernetes://tls-cert': true,
      'chain-cert': true,
      'missing-cert': false,
      'elsewhere-cert': false,
      'no-key-cert': false,
      'other-keys-cert': false,
    },
  ],
  ['tls/broken-secrets', { 'garbage-cert': false, 'empty-cert': false, 'swapped-cert': false }],
  [
    'tls/mutual',
    {
      'same-cert-cacert': true,
      'beside-cert-cacert': true,
      'generic-cert-cacert': true,
      'partners-ca-cacert': true,
      'no-ca-cert-cacert': false,
      'partners-ca': false,
    },
  ],
  [
    'upstream-tls/verification',
    { 'upstream-ca-cacert': true, 'wrong-ca-cacert': true, 'generic-ca-cacert': true, 'beside-cacert': true },
  ],
  [
    'upstream-tls/broken-secrets',
    { 'no-such-secret-cacert': false, 'empty-ca-cacert': false, 'elsewhere-cacert': false, nothing: false },
  ],
] as const)('%s', (name, usable) => {
  it('has the credentials that Istio had', () => {
    const { credentials } = collectCredentials(resourcesOf(name), new Set(Object.keys(usable)), settings);
    const found = Object.keys(usable).map((key) => [key, credentials.credentials[key] !== undefined]);
    expect(Object.fromEntries(found)).toEqual(usable);
  });
});
