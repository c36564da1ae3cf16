import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Authority, createAuthority, type Pair } from '../dataplane/downstream/certificates.ts';
import { routesDirectory, run } from './run.ts';

let remove = (): void => {};
afterEach(() => remove());

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const files = ({ certificatePem, keyPem }: Pair): Readonly<Record<string, string>> => ({
  'infra/gateway.yaml': `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge }
spec:
  selector: { istio: ingressgateway }
  servers:
    - port: { number: 443, name: https, protocol: HTTPS }
      hosts: ["shop.example.com"]
      tls: { mode: SIMPLE, credentialName: shop }
---
apiVersion: v1
kind: Secret
metadata: { name: shop }
data: { tls.crt: ${base64(certificatePem)}, tls.key: ${base64(keyPem)} }
`,
});

describe('certificates and keys that a Gateway names', () => {
  let authority: Authority;
  const pair = (expired = false): Pair => authority.issue({ subject: '/CN=shop.example.com', expired });
  beforeAll(() => {
    authority = createAuthority('certificates');
  });

  const PEM = (label: string): string => `-----BEGIN ${label}-----\nAAAA\n-----END ${label}-----\n`;
  it.each([
    ['fit and are good', () => pair(), 0, undefined],
    [
      'are of two pairs',
      () => ({ ...pair(), keyPem: pair().keyPem }),
      1,
      'error[credential-invalid] Secret shop has a key that is not that of its certificate',
    ],
    [
      'are damaged: the key',
      () => ({ ...pair(), keyPem: PEM('PRIVATE KEY') }),
      1,
      'error[credential-invalid] Secret shop has a key that cannot be read',
    ],
    [
      'are damaged: the certificate',
      () => ({ ...pair(), certificatePem: PEM('CERTIFICATE') }),
      1,
      'error[credential-invalid] Secret shop has a certificate that cannot be read',
    ],
    [
      'are of the past',
      () => pair(true),
      0,
      'warning[certificate-expires] the certificate of Secret shop expired on 20',
    ],
  ])('%s', async (_name, make, code, expected) => {
    const made = routesDirectory(files(make()));
    ({ remove } = made);
    const ran = await run(['check', made.dir, '--gateway-namespace', 'infra']);
    expect(ran.code).toBe(code);
    const told = ran.out.split('\n').filter((line) => /: (?:error|warning)\[c/.test(line));
    expect(told).toEqual(expected === undefined ? [] : [expect.stringContaining(expected)]);
    expect(ran.out).not.toContain('PRIVATE KEY');
  });
});
