import path from 'node:path';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { filterSpecs } from '../../plugins/specs.ts';
import { freePort } from '../support/free-port.ts';
import type { Load } from './lib/load.ts';
import { type Peer, startNginx, startUpstream } from './lib/peers.ts';
import { listening, start } from './lib/process.ts';
import type { Section } from './lib/report.ts';
import { figure } from './lib/table.ts';
import { gatewayYaml, PROGRAMS, serviceYaml, write } from './lib/workspace.ts';
import { Contest, loadOf, type ProxyOptions, REQUEST_HEADERS, SMALL } from './proxy.ts';

/** What each shared concern adds, alone and all together, with a policy that has something to do for every request. */
export async function benchConcerns({ rounds, seconds }: ProxyOptions): Promise<Section> {
  const upstream = await startUpstream();
  const { token, jwks } = await login();
  const names = filterSpecs.map(({ name }) => name);
  const variants: readonly (readonly [string, string])[] = [
    ['none', '-'],
    ...names.map((name) => [name, name] as const),
    ['all', names.join(',')],
  ];
  const entries: (readonly [string, Peer, Load])[] = [];
  for (const [name, chosen] of variants) {
    const port = await freePort();
    const resources = write(`concerns-${name}.yaml`, resourcesOf(port, upstream, jwks));
    const script = path.join(PROGRAMS, 'chosen-plugins.ts');
    const program = start(name, 0, [process.execPath, script, resources, chosen]);
    await listening(program, port);
    const load: Load = {
      url: `http://127.0.0.1:${port}/small`,
      protocol: 'h1',
      headers: { ...REQUEST_HEADERS, Host: 'bench.test', authorization: `Bearer ${token}`, origin: 'https://a.test' },
      connections: 64,
      seconds,
    };
    entries.push([name, { name, program, ports: { h1: port } }, load]);
  }
  const nginx = await startNginx(upstream, 10);
  const peer = typeof nginx === 'string' ? undefined : loadOf(nginx, SMALL, 10, seconds);
  if (peer !== undefined) entries.push(['nginx', nginx as Peer, peer]);
  const contest = new Contest();
  await contest.run(entries, rounds);
  for (const [, { program }] of entries) program.kill();
  const failed = entries.map(([name]) => [name, contest.failed(name)] as const).filter(([, count]) => count > 0);
  if (failed.length > 0)
    throw new Error(`requests failed: ${failed.map(([name, count]) => `${count} with ${name}`).join(', ')}`);
  return {
    name: 'concerns',
    tables: [
      {
        columns: ['shared concern', 'CPU µs', '× none', '× nginx', 'requests/s'],
        rows: variants.map(([name]) => [
          name,
          figure(contest.of(name, (sample) => sample.cpuPerRequest)),
          figure(contest.ratio(name, 'none')),
          figure(contest.ratio(name, 'nginx')),
          figure(contest.of(name, (sample) => sample.perSecond)),
        ]),
      },
    ],
  };
}

async function login(): Promise<{ readonly token: string; readonly jwks: string }> {
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

const resourcesOf = (port: number, upstream: number, jwks: string): string => `${gatewayYaml({ http: port })}
${serviceYaml('web', upstream)}---
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
    - to: [{ operation: { methods: [GET], paths: ["/small*"] } }]
      when: [{ key: "request.headers[x-requested-with]", values: [XMLHttpRequest] }]
---
apiVersion: banyan.dev/v1alpha1
kind: RateLimit
metadata: { name: fair-use }
spec:
  rules:
    - { name: all, per: client-address, limits: [{ requests: 10000000, window: 1s }] }
`;
