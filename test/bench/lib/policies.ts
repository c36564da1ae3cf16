import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { serviceYaml } from './workspace.ts';

/** Of a user, and the key that it is verified with. */
export async function login(): Promise<{ readonly token: string; readonly jwks: string }> {
  const { publicKey, privateKey } = await generateKeyPair('ES256');
  const jwks = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'bench', alg: 'ES256', use: 'sig' }] });
  const token = await new SignJWT({ scope: 'read write', groups: ['a', 'b'] })
    .setProtectedHeader({ alg: 'ES256', kid: 'bench' })
    .setIssuer('https://login.test')
    .setSubject('somebody')
    .setExpirationTime('1h')
    .sign(privateKey);
  return { token, jwks };
}

/** With something to do for every request in each shared concern. */
export const policiesYaml = (upstream: number, jwks: string): string => `${serviceYaml('web', upstream)}---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: all }
spec:
  hosts: ["*"]
  gateways: [edge]
  http:
    - route: [{ destination: { host: web.test } }]
      timeout: 10s
      retries: { attempts: 2, retryOn: "connect-failure,503" }
      fault: { abort: { percentage: { value: 0.0001 }, httpStatus: 200 } }
      corsPolicy: { allowOrigins: [{ exact: "https://a.test" }], allowMethods: [GET], maxAge: 24h }
---
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: { name: login }
spec:
  jwtRules:
    - { issuer: https://login.test, forwardOriginalToken: true, jwks: '${jwks}' }
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: readers }
spec:
  action: ALLOW
  rules:
    - to: [{ operation: { methods: [GET], paths: ["/small", "/svc-*"] } }]
      when: [{ key: "request.headers[x-requested-with]", values: [XMLHttpRequest] }]
---
apiVersion: banyan.dev/v1alpha1
kind: RateLimit
metadata: { name: fair-use }
spec:
  rules:
    - { name: all, per: client-address, limits: [{ requests: 10000000, window: 1s }] }
---
apiVersion: banyan.dev/v1alpha1
kind: EdgePolicy
metadata: { name: baseline }
spec:
  clientAddresses: { deny: [192.0.2.0/24, "2001:db8::/32"] }
  limits: { bodyBytes: 1000000, headerBytes: 16384, pathParameters: REFUSE }
  securityHeaders:
    set: { strict-transport-security: max-age=31536000, x-content-type-options: nosniff, x-frame-options: DENY }
  compression: { enabled: true }
`;

/** What a client sends besides, where all that is in force. */
export const policyHeaders = (token: string): Readonly<Record<string, string>> => ({
  authorization: `Bearer ${token}`,
  origin: 'https://a.test',
});
