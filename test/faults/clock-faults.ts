import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import { signedToken } from '../security/jws.ts';
import { freePort } from '../support/gateway.ts';
import { createAuthority } from '../unit/dataplane/downstream/certificates.ts';
import { type FakeClock, fakeClock } from './fake-clock.ts';
import { answered, Held } from './held.ts';
import { type GatewayProcess, get } from './processes.ts';
import { grpcYaml, routeYaml, tlsGatewayYaml } from './routes.ts';
import { openScene, type Row, rowOf, type Scene } from './scene.ts';

/** The wall clock jumps, and nothing but what it is asked for may follow it (edge-security §2.2: R-23). */

/** A leap second is one that comes twice. */
export const FEW_JUMPS: readonly string[] = ['+1d', '-1h', '-1', '+0'];
export const MANY_JUMPS: readonly string[] = [...FEW_JUMPS, '+7d', '-7d', '+1', '-1', '+1d', '+0', '-1h', '+1h', '+0'];

const HOUR_MS = 3_600_000;
/** A caller of the host `limited.test` may come once in so long. */
const WINDOW_MS = 1_500;
const SETTLE_MS = 300;
/** A machine that others use as well may stand still for seconds; jumps are of hours. */
const PATIENCE_MS = 20_000;

const limitsYaml = `apiVersion: banyan.dev/v1alpha1
kind: RateLimit
metadata: { name: limits }
spec:
  rules:
    - { name: all, match: { hosts: [shop.test] }, per: client-address, limits: [{ requests: 2000, window: 1s }] }
    - name: few
      match: { hosts: [limited.test] }
      per: { header: x-caller }
      limits: [{ requests: 1, window: ${WINDOW_MS}ms }]
`;

const loginYaml = (jwks: string): string => `apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: { name: login }
spec: { jwtRules: [{ issuer: login, jwks: '${jwks}' }] }
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: token-required }
spec:
  action: DENY
  rules: [{ from: [{ source: { notRequestPrincipals: ["*"] } }], to: [{ operation: { hosts: [login.test] } }] }]
`;

/** Answered by the gateway itself, whose Date it is. */
const datedYaml = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: dated }
spec: { hosts: [dated.test], gateways: [infra/edge], http: [{ directResponse: { status: 200 } }] }
`;

interface Token {
  readonly text: string;
  readonly expiresMs: number;
}

/** What each jump is tried with. */
interface Stage {
  readonly scene: Scene;
  readonly clock: FakeClock;
  readonly gateway: GatewayProcess;
  readonly held: Held;
  readonly tokens: readonly Token[];
  readonly secure: () => Promise<boolean>;
  readonly wrong: string[];
}

export async function jumpingClock(library: string, jumps: readonly string[]): Promise<Row> {
  const clock = fakeClock(library);
  const scene = await openScene();
  const tokens = login(scene);
  const secure = await secureClient(scene);
  scene.routes.write('istio-system/limits.yaml', limitsYaml);
  scene.routes.write('shop/route.yaml', grpcYaml(scene.upstream.grpcPort));
  scene.routes.write('shop/dated.yaml', datedYaml);
  for (const name of ['limited', 'login']) scene.routes.write(`shop/${name}.yaml`, routeYaml(`${name}.test`, 'shop'));
  const log = path.join(scene.routes.dir, 'access.log');
  const gateway = await scene.start({ env: clock.env, args: ['--access-log', 'json', '--access-log-file', log] });
  const pids = [gateway.pid, ...(await gateway.workers())];
  const held = await Held.open(scene.port, 'shop.test', { plain: 20, others: 5 });
  const stage: Stage = { scene, clock, gateway, held, tokens, secure, wrong: [] };
  await looks(stage, 'before any jump', undefined);
  const unready = readiness(gateway);
  const load = scene.load({ mix: { conversations: 5 } });
  const before = await gateway.metric('banyan_open_connections');
  for (const [i, to] of jumps.entries()) await jump(stage, to, i);
  const after = await gateway.metric('banyan_open_connections');
  const report = await load.stop();
  if (unready() > 0) stage.wrong.push(`not ready ${unready()} times`);
  if (held.closed > 0) stage.wrong.push(`${held.closed} of ${held.count} connections that were held were closed`);
  if (after < held.count) stage.wrong.push(`${after} connections were open in the end, ${before} before`);
  await drains(stage);
  stage.wrong.push(...wrongLines(readFileSync(log, 'utf8'), jumps));
  held.close();
  clock.close(pids);
  const row = await rowOf(report, [scene.upstream], {
    fault: `R-23 the clock jumps: ${jumps.slice(0, 4).join(', ')}${jumps.length > 4 ? ' …' : ''}`,
    count: jumps.length,
    note: `${held.count} idle connections kept; tokens, limits, TLS, Date, new routes, drain and log looked at`,
    wrong: stage.wrong,
  });
  scene.close();
  return row;
}

/** Two tokens, of which a day's jump makes one too old. */
function login(scene: Scene): readonly Token[] {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = { ...publicKey.export({ format: 'jwk' }), kid: 'k1' };
  scene.routes.write('istio-system/login.yaml', loginYaml(JSON.stringify({ keys: [key] })));
  return [2 * HOUR_MS, 48 * HOUR_MS].map((ms) => {
    const expiresMs = Date.now() + ms;
    const claims = { iss: 'login', sub: 'customer-17', exp: Math.floor(expiresMs / 1_000) };
    return { text: signedToken('ES256', privateKey, claims, { alg: 'ES256', kid: 'k1' }), expiresMs };
  });
}

/** Handshakes, one anew and one that resumes the first session, with certificates that are good by the clock of the client. */
async function secureClient(scene: Scene): Promise<() => Promise<boolean>> {
  const port = await freePort();
  const authority = createAuthority('faults');
  const pair = authority.issue({ subject: '/CN=shop.test', names: 'DNS:shop.test' });
  scene.routes.write('istio-system/secure.yaml', tlsGatewayYaml(port, pair));
  scene.routes.write('shop/secure.yaml', routeYaml('secure.test', 'shop').replace('infra/edge', 'istio-system/secure'));
  let known: Buffer | undefined;
  const ask = (session: Buffer | undefined): Promise<boolean> =>
    new Promise((resolve) => {
      const options = { host: '127.0.0.1', port, path: '/get/secure', agent: false, ca: authority.certificatePem };
      const request = https.get(
        { ...options, servername: 'shop.test', headers: { host: 'secure.test' }, ...(session && { session }) },
        (response) => response.resume().on('end', () => resolve(response.statusCode === 200)),
      );
      request.on('socket', (socket: TLSSocket) => socket.on('session', (one: Buffer) => (known ??= one)));
      request.setTimeout(PATIENCE_MS, () => request.destroy());
      request.on('error', () => resolve(false));
    });
  return async () => (await ask(undefined)) && (await ask(known));
}

function readiness(gateway: GatewayProcess): () => number {
  let unready = 0;
  const timer = setInterval(() => void gateway.ready().then((ready) => (unready += ready ? 0 : 1)), 100);
  return () => {
    clearInterval(timer);
    return unready;
  };
}

async function jump(stage: Stage, to: string, index: number): Promise<void> {
  const { scene, clock, wrong } = stage;
  const caller = new Caller(scene.port, `caller${index}`);
  if ((await caller.ask()) !== 200) wrong.push(`before ${to}: a caller's first request was refused`);
  if ((await caller.ask()) !== 429 && caller.withinWindow) wrong.push(`before ${to}: no limit`);
  const half = Array.from({ length: 5 }, () => net.connect(scene.port, '127.0.0.1').on('error', () => {}));
  for (const socket of half) socket.write('GET /get/half HTTP/1.1\r\n');
  await pause(100);
  clock.jump(to);
  await pause(SETTLE_MS);
  const [early] = await Promise.all([caller.ask(), looks(stage, `at ${to}`, index)]);
  if (early === 200 && caller.withinWindow) wrong.push(`at ${to}: a caller was let in before its time`);
  const whole = await Promise.all(half.map((socket) => answered(socket, 'host: shop.test\r\n\r\n')));
  for (const socket of half) socket.destroy();
  if (whole.includes(false)) wrong.push(`at ${to}: requests half of whose head had come were given up`);
  await caller.windowOver();
  const late = await caller.ask();
  if (late !== 200) wrong.push(`at ${to}: a caller was locked out for longer than its window: ${late}`);
  caller.close();
}

/** All that has to hold at any time of day. */
async function looks(stage: Stage, when: string, index: number | undefined): Promise<void> {
  const { wrong } = stage;
  const [dates, secure, silent, fresh] = await Promise.all([
    dateOf(stage),
    stage.secure(),
    stage.held.unanswered(),
    index === undefined ? true : newRoute(stage.scene, index),
    tokensAreJudged(stage, when),
  ]);
  if (dates !== undefined) wrong.push(`${when}: Date: ${dates}`);
  if (!secure) wrong.push(`${when}: a TLS client was not served`);
  if (silent > 0) wrong.push(`${when}: ${silent} idle connections serve no more`);
  if (!fresh) wrong.push(`${when}: a new route was not served`);
}

/** undefined: as it should be. */
function dateOf({ scene, clock }: Stage): Promise<string | undefined> {
  return new Promise((resolve) => {
    const options = { host: '127.0.0.1', port: scene.port, headers: { host: 'dated.test' }, agent: false };
    const request = http.get(options, (response) => {
      response.resume();
      const date = String(response.headers.date);
      const offMs = Math.abs(Date.parse(date) - Date.now() - clock.offsetMs);
      resolve(response.statusCode === 200 && offMs < PATIENCE_MS ? undefined : `${response.statusCode} ${date}`);
    });
    request.on('error', (error) => resolve(error.message));
  });
}

/** On several connections: each worker has its memory of tokens. */
async function tokensAreJudged({ scene, clock, tokens, wrong }: Stage, when: string): Promise<void> {
  for (const { text, expiresMs } of tokens)
    for (let i = 0; i < 6; i++) {
      const answer = await get(scene.port, '/get/token', { host: 'login.test', authorization: `Bearer ${text}` });
      const expected = Date.now() + clock.offsetMs < expiresMs ? 200 : 401;
      if (answer.status !== expected) wrong.push(`${when}: a token gets ${answer.status}, not ${expected}`);
    }
  const without = await get(scene.port, '/get/token', { host: 'login.test' });
  if (without.status !== 403) wrong.push(`${when}: without a token ${without.status}`);
}

async function newRoute({ port, routes }: Scene, index: number): Promise<boolean> {
  const host = `new${index}.test`;
  const began = performance.now();
  routes.write(`shop/new${index}.yaml`, routeYaml(host, 'shop'));
  while ((await get(port, '/get/new', { host })).status !== 200) {
    if (performance.now() - began > PATIENCE_MS) return false;
    await pause(50);
  }
  return true;
}

/** Somebody who keeps to one connection, and so to one worker. */
class Caller {
  readonly #port: number;
  readonly #name: string;
  readonly #agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  #beganMs: number | undefined;
  #servedMs = 0;

  constructor(port: number, name: string) {
    this.#port = port;
    this.#name = name;
  }

  /** Whether its first request was sent so short ago that nothing else may have been let in. */
  get withinWindow(): boolean {
    return performance.now() - (this.#beganMs ?? 0) < WINDOW_MS;
  }

  async ask(): Promise<number> {
    this.#beganMs ??= performance.now();
    const headers = { host: 'limited.test', 'x-caller': this.#name };
    const options = { host: '127.0.0.1', port: this.#port, path: '/get/limited', headers, agent: this.#agent };
    const [response] = (await once(http.get(options), 'response')) as [http.IncomingMessage];
    await once(response.resume(), 'end');
    if (this.#servedMs === 0) this.#servedMs = performance.now();
    return response.statusCode ?? 0;
  }

  windowOver(): Promise<void> {
    return pause(Math.max(0, this.#servedMs + WINDOW_MS - performance.now()) + SETTLE_MS);
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** A drain takes its time, whatever time it is. */
async function drains({ scene, clock, gateway, wrong }: Stage): Promise<void> {
  const slow = get(scene.port, '/slow/drain', { host: 'shop.test' }).catch(() => undefined);
  await pause(SETTLE_MS);
  gateway.terminate();
  await pause(SETTLE_MS);
  clock.jump('+1d');
  const code = await Promise.race([gateway.exited, pause(PATIENCE_MS, 'none' as const)]);
  if ((await slow)?.status !== 200) wrong.push('a request under way was lost as the clock jumped in a drain');
  if (code !== 0) wrong.push(`exit: ${code}`);
}

/** Durations are short, and times of beginning are those of the clock. */
function wrongLines(text: string, jumps: readonly string[]): readonly string[] {
  const lines = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { readonly duration: number; readonly start_time: string });
  const absurd = lines.filter(({ duration }) => !(duration >= 0 && duration < HOUR_MS / 2));
  const days = new Set(lines.map(({ start_time }) => start_time.slice(0, 10)));
  return [
    ...(absurd.length > 0 ? [`${absurd.length} log lines with such durations: ${absurd[0]?.duration}`] : []),
    ...(jumps.includes('+1d') && days.size < 2 ? ['no line of the log is of the other day'] : []),
  ];
}
