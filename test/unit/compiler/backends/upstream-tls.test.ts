import { describe, expect, it } from 'vitest';
import { entry, mesh, options, rule } from './builders.ts';
import { cluster, under } from './helpers.ts';

describe('TLS upstream', () => {
  const simple = {
    sni: undefined,
    subjectAltNames: [],
    verifyHost: true,
    verify: true,
    ca: undefined,
    clientCredential: undefined,
  };
  it.each([
    [{}, undefined],
    [{ mode: 'DISABLE', sni: 'x' }, undefined],
    [{ mode: 'SIMPLE' }, simple],
    [{ mode: 'SIMPLE', caCertificates: 'system' }, simple],
    [
      { mode: 'SIMPLE', sni: 'x' },
      { ...simple, sni: 'x', verifyHost: false },
    ],
    [
      { mode: 'SIMPLE', subjectAltNames: ['x'] },
      { ...simple, subjectAltNames: ['x'], verifyHost: false },
    ],
    [
      { mode: 'SIMPLE', insecureSkipVerify: true },
      { ...simple, verify: false, verifyHost: false },
    ],
    [
      { mode: 'SIMPLE', credentialName: 'c' },
      { ...simple, ca: 'c-cacert' },
    ],
    [
      { mode: 'SIMPLE', caCertificates: '/ca' },
      { ...simple, ca: 'file-ca:/ca' },
    ],
    [
      { mode: 'SIMPLE', caCertificates: '/ca', caCrl: '/crl' },
      { ...simple, ca: 'file-ca:/ca|/crl' },
    ],
    [
      { mode: 'MUTUAL', credentialName: 'c' },
      { ...simple, ca: 'c-cacert', clientCredential: 'c' },
    ],
    [
      { mode: 'MUTUAL', credentialName: 'c', insecureSkipVerify: true },
      { ...simple, verify: false, verifyHost: false, clientCredential: 'c' },
    ],
    [
      { mode: 'MUTUAL', clientCertificate: '/crt', privateKey: '/key', caCertificates: '/ca' },
      {
        ...simple,
        ca: 'file-ca:/ca',
        clientCredential: 'file-pair:/crt|/key',
      },
    ],
    [
      { mode: 'ISTIO_MUTUAL' },
      {
        ...simple,
        sni: 'outbound_.80_._.web.shop.svc.cluster.local',
        verifyHost: false,
        ca: 'mesh:ca',
        clientCredential: 'mesh:pair',
      },
    ],
  ])('%o is %o', (tls, expected) => {
    expect(under({ tls }).tls).toEqual(expected);
  });

  it('has the ciphers and curves of the mesh, unless its certificates are the mesh’s', () => {
    const tlsDefaults = { minVersion: 'TLSv1.3', cipherSuites: ['AES128-SHA'], ecdhCurves: ['P-256'] } as const;
    const of = (tls: object) => under({ tls }, 'web.shop', [], options({ mesh: mesh({ tlsDefaults }) })).tls;
    const theirs = { cipherSuites: ['AES128-SHA'], ecdhCurves: ['P-256'] };
    expect(of({ mode: 'SIMPLE' })).toEqual({ ...simple, ...theirs });
    expect(of({ mode: 'MUTUAL', credentialName: 'c' })).toMatchObject(theirs);
    expect(Object.keys(of({ mode: 'ISTIO_MUTUAL' }) ?? {})).not.toContain('cipherSuites');
  });

  it('looks for the names of the ServiceEntry besides the Host, unless the rule has names', () => {
    const host = 'api.example.net';
    const of = (tls: object): unknown =>
      cluster(
        [entry('x/a', { hosts: [host], subjectAltNames: ['e'] }), rule('x/r', { host, trafficPolicy: { tls } })],
        host,
      )?.tls;
    expect(of({ mode: 'SIMPLE' })).toEqual({ ...simple, subjectAltNames: ['e'] });
    expect(of({ mode: 'SIMPLE', sni: 'x' })).toEqual({
      ...simple,
      sni: 'x',
      subjectAltNames: ['e'],
      verifyHost: false,
    });
    expect(of({ mode: 'SIMPLE', subjectAltNames: ['r'] })).toEqual({
      ...simple,
      subjectAltNames: ['r'],
      verifyHost: false,
    });
    expect(of({ mode: 'SIMPLE', insecureSkipVerify: true })).toEqual({ ...simple, verify: false, verifyHost: false });
  });

  it('is not begun for a port that is named https', () => {
    const objects = [
      entry('x/a', { hosts: ['api.example.net'], ports: [{ number: 443, name: 'https', protocol: 'HTTPS' }] }),
    ];
    expect(cluster(objects, 'api.example.net:443')).toMatchObject({ tls: undefined, protocol: 'http1' });
  });
});
