import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import http, { type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { endAll, startGatewayProcess } from '../faults/processes.ts';
import { gatewayYaml, routesDirectory } from '../faults/routes.ts';
import { freePort } from '../support/gateway.ts';
import { startRedis } from '../support/redis.ts';

/**
 * What the gateway itself asks, in trouble: an issuer's keys and the store of shared limits, and what that adds to the
 * requests of users (edge-security J-18, J-20, L-06: no more than 50 ms at the 99th percentile, and nobody gets in). Beside each
 * user comes one whose keys stand in the policy and whom no shared limit fits: what is added is what lies between the two, so
 * that a machine which others use as well is no part of it.
 * `npx node test/bench/dependencies.ts [seconds of a state] [keys|limits]`; keys are asked for again after half a minute, so 35 or more.
 */
const seconds = Number(process.argv[2] ?? 35);
/** `keys` or `limits` alone. */
const only = process.argv[3] ?? '';
const PER_SECOND = 100;
const ISSUER = 'https://login.test';
const CONTROL = 'https://control.test';

const pair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });
const [known, next, stranger, control] = [pair(), pair(), pair(), pair()];
const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
let serial = 0;
/** Each is new, so that each costs a signature: nothing here is answered from memory. */
function token(key: KeyObject, kid: string, iss = ISSUER): string {
  const input = `${encoded({ alg: 'ES256', kid })}.${encoded({ iss, sub: 'user', jti: `${serial++}` })}`;
  return `${input}.${sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}
const setOf = (...keys: readonly (readonly [KeyObject, string])[]): string =>
  JSON.stringify({ keys: keys.map(([key, kid]) => ({ ...key.export({ format: 'jwk' }), kid })) });

let behaviour: RequestListener = (_, response) => response.end(setOf([known.publicKey, 'known']));
let fetches = 0;
const issuer = http.createServer((request, response) => {
  fetches += 1;
  response.on('error', () => {});
  behaviour(request, response);
});
await new Promise<void>((resolve) => issuer.listen(0, '127.0.0.1', resolve));
const service = http.createServer((request, response) => {
  if (request.headers['x-user'] !== 'user') strangers += 1;
  response.end('ok');
});
let strangers = 0;
await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));
const portOf = (server: http.Server): number => (server.address() as AddressInfo).port;

const port = await freePort();
const redis = await startRedis(await freePort());
const routes = routesDirectory();
const limit = (name: string, prefix: string, onStoreFailure: string): string => `---
apiVersion: banyan.dev/v1alpha1
kind: RateLimit
metadata: { name: ${name} }
spec:
  scope: shared
  onStoreFailure: ${onStoreFailure}
  rules: [{ name: ${name}, per: client-address, match: { paths: [{ prefix: ${prefix} }] }, limits: [{ requests: 1000000, window: 1h }] }]
`;
routes.write(
  'infra/all.yaml',
  `${gatewayYaml(port)}---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: web }
spec:
  hosts: [web.internal]
  ports: [{ number: 80, name: http, protocol: HTTP }]
  resolution: STATIC
  endpoints: [{ address: 127.0.0.1, ports: { http: ${portOf(service)} } }]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: web }
spec: { hosts: ["*"], gateways: [infra/edge], http: [{ route: [{ destination: { host: web.internal } }] }] }
`,
);
routes.write(
  'istio-system/policies.yaml',
  `${limit('open', '/open', 'allow')}${limit('strict', '/strict', 'deny')}---
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: { name: login }
spec:
  jwtRules:
    - { issuer: "${ISSUER}", jwksUri: "http://127.0.0.1:${portOf(issuer)}/", outputClaimToHeaders: [{ header: x-user, claim: sub }] }
    - { issuer: "${CONTROL}", jwks: '${setOf([control.publicKey, 'control'])}', outputClaimToHeaders: [{ header: x-user, claim: sub }] }
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: token-required }
spec: { action: DENY, rules: [{ from: [{ source: { notRequestPrincipals: ["*"] } }] }] }
`,
);

const agent = new http.Agent({ keepAlive: true, maxSockets: 256 });
interface Met {
  readonly status: number;
  readonly ms: number;
}
function ask(path: string, bearer: string | undefined): Promise<Met> {
  const began = performance.now();
  return new Promise((resolve) => {
    const done = (status: number): void => resolve({ status, ms: performance.now() - began });
    const headers = bearer === undefined ? {} : { authorization: `Bearer ${bearer}` };
    const request = http.get({ port, path, agent, headers }, (response) => {
      response.resume();
      response.on('end', () => done(response.statusCode ?? 0));
      response.on('error', () => done(0));
    });
    request.setTimeout(20_000, () => request.destroy());
    request.on('error', () => done(0));
  });
}

/** Users at an even rate, with somebody who has no business here among them: no token, a stranger's, an unknown key's. */
async function load(user: () => string, path: string, lasting: number) {
  const users: Promise<Met>[] = [];
  const controls: Promise<Met>[] = [];
  const others: Promise<Met>[] = [];
  const ends = performance.now() + lasting * 1_000;
  for (let i = 0; performance.now() < ends; i++) {
    users.push(ask(path, user()));
    controls.push(ask('/free', token(control.privateKey, 'control', CONTROL)));
    if (i % 10 === 0) {
      const bad = [undefined, token(stranger.privateKey, 'known'), token(stranger.privateKey, `unknown-${i}`)];
      others.push(ask(path, bad[(i / 10) % 3]));
    }
    await pause(1_000 / PER_SECOND);
  }
  return { users: await Promise.all(users), controls: await Promise.all(controls), others: await Promise.all(others) };
}

const percentile = (met: readonly Met[], share: number): number => {
  const sorted = met.map(({ ms }) => ms).sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
};
const tally = (met: readonly Met[]): string =>
  [...Map.groupBy(met, ({ status }) => status)].map(([status, all]) => `${all.length}×${status}`).join(' ');

async function state(
  name: string,
  path: string,
  prepare: () => unknown,
  user = () => token(known.privateKey, 'known'),
) {
  await prepare();
  if (!name.startsWith(only)) return;
  fetches = 0;
  strangers = 0;
  const { users, controls, others } = await load(
    user,
    path,
    name.startsWith('limits') ? Math.min(seconds, 10) : seconds,
  );
  const p99 = percentile(users, 0.99);
  const numbers = [percentile(users, 0.5), p99, percentile(controls, 0.99), p99 - percentile(controls, 0.99)].map(
    (ms) => ms.toFixed(1).padStart(8),
  );
  const inside = others.filter(({ status }) => status === 200).length + strangers;
  console.log(
    `${name.padEnd(40)} ${path.padEnd(8)} ${numbers.join(' ')}  ${String(inside).padStart(4)} in  ${fetches} fetches  users ${tally(users)}  others ${tally(others)}`,
  );
}

const gateway = await startGatewayProcess({ dir: routes.dir, args: ['--redis-url', redis.url], workers: 1 });
const serving = (text: string) => (): void => {
  behaviour = (_, response) => response.end(text);
};
console.log(
  `${'state'.padEnd(40)} ${'path'.padEnd(8)} ${['p50 ms', 'p99', 'control', 'added'].map((name) => name.padStart(8)).join(' ')}`,
);
await pause(2_000);
for (let i = 0; i < 500; i++) await ask('/open', token(known.privateKey, 'known'));
await state('all well', '/open', () => undefined);
await state('keys: the server hangs', '/open', () => {
  behaviour = () => undefined;
});
await state('keys: it drips', '/open', () => {
  behaviour = (_, response) => {
    const timer = setInterval(() => (response.destroyed ? clearInterval(timer) : response.write(' ')), 50);
  };
});
await state('keys: it answers 50 MB', '/open', () => {
  behaviour = (_, response) => {
    const more = (): void => {
      while (!response.destroyed && response.write('x'.repeat(65_536)));
      if (!response.destroyed) response.once('drain', more);
    };
    more();
  };
});
await state('keys: it is gone', '/open', () => {
  behaviour = (request) => request.socket.destroy();
});
const both = [known, next].map(({ privateKey }, i) => [privateKey, ['known', 'next'][i] as string] as const);
await state(
  'keys: a new one beside the old',
  '/open',
  serving(setOf([known.publicKey, 'known'], [next.publicKey, 'next'])),
  () => token(...(both[serial % 2] as (typeof both)[number])),
);
for (const path of ['/open', '/strict']) {
  await state('limits: all well', path, serving(setOf([known.publicKey, 'known'])));
  await state('limits: the store hangs', path, redis.hang);
  await state('limits: it wakes', path, redis.wake);
  await state('limits: it is killed', path, redis.kill);
  await state('limits: it is started again', path, redis.restart);
}
gateway.terminate();
await gateway.exited;
await redis.close();
routes.close();
endAll();
process.exit(0);
