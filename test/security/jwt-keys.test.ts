import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import dns from 'node:dns';
import http, { type RequestListener, type ServerResponse } from 'node:http';
import { syncBuiltinESMExports } from 'node:module';
import { gzipSync } from 'node:zlib';
import { Registry } from 'prom-client';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createJwtFilter } from '../../plugins/auth-jwt/hook.ts';
import { authJwt, measuredAuthJwt } from '../../plugins/auth-jwt/index.ts';
import type { RemoteTiming } from '../../plugins/auth-jwt/key-source.ts';
import { authorization } from '../../plugins/authorization/index.ts';
import type { GatewayPlugin } from '../../src/contract/index.ts';
import { createDialGuard } from '../../src/dataplane/upstreams/dial-guard.ts';
import type { TestGateway, TestGatewayOptions } from '../support/gateway.ts';
import { askGateway, startUpstreams, type TestUpstreams } from '../support/upstreams.ts';
import { encoded, signedInput, signedToken } from './jws.ts';
import {
  guardedRoutes,
  type KeyServer,
  keyServer,
  movableClock,
  requestAuthentication,
  serving,
  startGuarded,
  TOKEN_REQUIRED,
} from './jwt-support.ts';

/*
 * J-17 to J-21 and J-23 of edge-security §1: servers of keys that are down, slow, hostile, elsewhere or newly keyed, each behind a
 * whole gateway. Whatever they do, nobody passes without a token that is good by a key of the issuer's, and users of
 * another issuer are served.
 */

const ISSUER = 'https://login.example.com';
const OTHER = 'https://other.example.com';
const CLAIMS = { iss: ISSUER, sub: 'customer-17' };
const pairs = Array.from({ length: 2 }, () => generateKeyPairSync('ec', { namedCurve: 'P-256' }));
const [first, second] = pairs as [(typeof pairs)[0], (typeof pairs)[0]];
const jwkOf = (key: KeyObject, kid: string): object => ({ ...key.export({ format: 'jwk' }), kid });
const setOf = (...keys: readonly object[]): string => JSON.stringify({ keys });
const GOOD_SET = setOf(jwkOf(first.publicKey, 'k1'));
const NEXT_SET = setOf(jwkOf(second.publicKey, 'k2'));
const es256 = (pair: (typeof pairs)[0], kid: string, claims: object = CLAIMS): string =>
  signedToken('ES256', pair.privateKey, claims, { alg: 'ES256', kid });
const oldToken = es256(first, 'k1');
const newToken = es256(second, 'k2');
const othersToken = es256(second, 'o1', { iss: OTHER, sub: 'other' });

let upstreams: TestUpstreams;
const servers: KeyServer[] = [];
const gateways: TestGateway[] = [];
const agent = new http.Agent({ keepAlive: true, maxSockets: 16 });

beforeAll(async () => {
  upstreams = await startUpstreams(1);
});
afterAll(() => {
  agent.destroy();
  upstreams.close();
});
beforeEach(() => {
  upstreams.seen[0] = 0;
});
afterEach(async () => {
  for (const gateway of gateways.splice(0)) await gateway.close();
  for (const server of servers.splice(0)) await server.close();
});

async function issuer(behaviour: RequestListener | string): Promise<KeyServer> {
  const server = await keyServer(behaviour);
  servers.push(server);
  return server;
}

/** One rule by the address, one by inline keys, which none of this may touch. */
async function guarded(rule: object, options: TestGatewayOptions = {}): Promise<TestGateway> {
  const others = { issuer: OTHER, jwks: setOf(jwkOf(second.publicKey, 'o1')) };
  const gateway = await startGuarded(upstreams.ports[0] as number, [{ issuer: ISSUER, ...rule }, others], options);
  gateways.push(gateway);
  return gateway;
}

const bring = async ({ port }: TestGateway, token: string): Promise<number> =>
  (await askGateway(port, '/', { authorization: `Bearer ${token}` }, agent)).status;

/** The plugin with other times between fetches. */
const timed = (timing: Partial<RemoteTiming>): readonly GatewayPlugin[] =>
  [
    {
      spec: authJwt.spec,
      plugin: Object.assign(
        async (app: Parameters<GatewayPlugin['plugin']>[0]) => {
          const { clock, mayDial } = app.banyan;
          const filter = createJwtFilter({ clock, mayDial, warn: () => undefined, timing });
          app.addHook('onClose', async () => filter.stop());
          app.banyan.contribute(filter);
        },
        { [Symbol.for('skip-override')]: true },
      ),
    },
    authorization,
  ] as readonly GatewayPlugin[];

describe('J-17 unknown key ids', () => {
  it('by the thousand cost the issuer one fetch in half a minute, and its users nothing', async () => {
    const clock = movableClock();
    const server = await issuer(GOOD_SET);
    const gateway = await guarded({ jwksUri: server.url }, { clock });
    expect(await bring(gateway, oldToken)).toBe(200);
    const flood = async (count: number): Promise<void> => {
      const statuses = await Promise.all(
        Array.from({ length: count }, (_, i) =>
          i % 50 === 0
            ? bring(gateway, es256(first, 'k1', { ...CLAIMS, jti: `${i}` }))
            : bring(gateway, `${signedInput({ alg: 'ES256', kid: `random-${i}` }, CLAIMS)}.${encoded('x'.repeat(64))}`),
        ),
      );
      expect(statuses).toEqual(statuses.map((_, i) => (i % 50 === 0 ? 200 : 401)));
    };
    await flood(2_000);
    expect(server.asked).toHaveLength(1);
    clock.move(31_000);
    await flood(500);
    expect(server.asked).toHaveLength(2);
  });

  it('that wait for a fetch which hangs keep nobody waiting who has a known one', async () => {
    const clock = movableClock();
    const server = await issuer(GOOD_SET);
    const gateway = await guarded({ jwksUri: server.url, timeout: '300ms' }, { clock });
    expect(await bring(gateway, oldToken)).toBe(200);
    server.behaviour = () => undefined;
    clock.move(31_000);
    const waiting = bring(gateway, newToken);
    await expect.poll(() => server.asked.length).toBe(2);
    expect(await bring(gateway, es256(first, 'k1', { ...CLAIMS, jti: 'fresh' }))).toBe(200);
    expect(await bring(gateway, othersToken)).toBe(200);
    expect(await waiting).toBe(401);
  });
});

/** Bytes that a server could get rid of. */
let sentBytes = 0;
function endless(response: ServerResponse, chunk: string | Buffer): void {
  const more = (): void => {
    while (!response.destroyed) {
      sentBytes += chunk.length;
      if (sentBytes > 50 * 2 ** 20 || !response.write(chunk)) break;
    }
    if (!response.destroyed) response.once('drain', more);
  };
  more();
}

const HOSTILE: readonly (readonly [string, RequestListener])[] = [
  ['50 MB', (_, response) => endless(response, 'x'.repeat(65_536))],
  ['50 MB of blanks before the keys', (_, response) => endless(response, ' '.repeat(65_536))],
  [
    '50 MB with their length',
    (_, response) => endless(response.setHeader('content-length', 50 * 2 ** 20), ' '.repeat(65_536)),
  ],
  ['drips of a byte', (_, response) => void setInterval(() => response.destroyed || response.write(' '), 20).unref()],
  ['silence', () => undefined],
  ['a head, then silence', (_, response) => response.flushHeaders()],
  [
    'a gzip bomb',
    (_, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(GOOD_SET.padStart(30 * 2 ** 20))),
  ],
  [
    'good keys, compressed all the same',
    (_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(GOOD_SET)),
  ],
  ['the same without saying so', (_, response) => response.end(gzipSync(GOOD_SET))],
  [
    '10 000 keys',
    (_, response) =>
      response.end(
        setOf(
          ...Array.from({ length: 10_000 }, (_x, i) => ({ kty: 'oct', k: 'AAAA', kid: `${i}` })),
          jwkOf(first.publicKey, 'k1'),
        ),
      ),
  ],
  ['101 keys', (_, response) => response.end(setOf(...Array(101).fill(jwkOf(first.publicKey, 'k1'))))],
  ['a million brackets', (_, response) => response.end('['.repeat(1_000_000))],
  ['half of the keys', (_, response) => response.end(GOOD_SET.slice(0, -5))],
  [
    'half of the keys, and a cut',
    (_, response) => {
      response.writeHead(200, { 'content-length': GOOD_SET.length + 9 }).write(GOOD_SET);
      setTimeout(() => response.destroy(), 20);
    },
  ],
  ['good keys with 404', (_, response) => response.writeHead(404).end(GOOD_SET)],
  ['good keys with 500', (_, response) => response.writeHead(500).end(GOOD_SET)],
  ['good keys with 206', (_, response) => response.writeHead(206).end(GOOD_SET)],
  ['nothing, by 204', (_, response) => response.writeHead(204).end()],
  ['a page', (_, response) => response.end('<html>login</html>')],
  ['no HTTP', (request) => request.socket.end('220 smtp.example.com\r\n')],
  ['64 kB of headers', (_, response) => response.writeHead(200, { 'x-long': 'x'.repeat(65_536) }).end(GOOD_SET)],
  ['an end at once', (request) => request.socket.destroy()],
  ['no keys', (_, response) => response.end('{"keys":[]}')],
  ['keys in no list', (_, response) => response.end('{"keys":{}}')],
];

describe('J-18 servers that', () => {
  it.each(HOSTILE)('answer %s get nobody in, and nobody else into trouble', async (_what, behaviour) => {
    sentBytes = 0;
    const server = await issuer(behaviour);
    const gateway = await guarded({ jwksUri: server.url, timeout: '400ms' });
    const [status, others, none] = await Promise.all([
      bring(gateway, oldToken),
      bring(gateway, othersToken),
      bring(gateway, 'a.b.c'),
    ]);
    expect([status, others, none]).toEqual([401, 200, 401]);
    expect(server.asked).toHaveLength(1);
    expect(upstreams.seen[0]).toBe(1);
    // 1 MiB is read, and some more is on its way.
    expect(sentBytes).toBeLessThan(16 * 2 ** 20);
    expect(gateway.errors).toEqual([]);
  });

  it.each([301, 302, 303, 307, 308])('redirect by %i are not followed', async (status) => {
    const elsewhere = await issuer(GOOD_SET);
    const server = await issuer((_, response) => response.writeHead(status, { location: elsewhere.url }).end(GOOD_SET));
    const gateway = await guarded({ jwksUri: server.url });
    expect(await bring(gateway, oldToken)).toBe(401);
    expect(elsewhere.asked).toEqual([]);
  });

  it.each([
    ['100 keys', setOf(...Array(99).fill(jwkOf(second.publicKey, 'x')), jwkOf(first.publicKey, 'k1'))],
    ['nearly 1 MiB', GOOD_SET.padEnd(2 ** 20 - 1)],
    ['a key by itself', JSON.stringify(jwkOf(first.publicKey, 'k1'))],
    ['keys among rubbish', setOf({}, { kty: 'RSA' }, { kty: 'AKP' }, jwkOf(first.publicKey, 'k1'))],
  ])('answer %s are believed', async (_what, text) => {
    const gateway = await guarded({ jwksUri: (await issuer(text)).url });
    expect(await bring(gateway, oldToken)).toBe(200);
  });
});

describe('J-19 where keys are fetched from', () => {
  const noLoopback = createDialGuard({ allowLoopback: false });

  it.each(['127.0.0.1', 'localhost', '127.1', '2130706433', '0x7f.1', '[::1]', '[::ffff:127.0.0.1]'])(
    'is not this machine by the name %s',
    async (host) => {
      const server = await issuer(GOOD_SET);
      const gateway = await guarded({ jwksUri: `http://${host}:${server.port}/keys` }, { mayDial: noLoopback });
      expect(await bring(gateway, oldToken)).toBe(401);
      expect(server.asked).toEqual([]);
    },
  );

  it('is not what a discovery document names, if that may not be dialled', async () => {
    const inner = await issuer(GOOD_SET);
    const outer = await issuer(JSON.stringify({ issuer: ISSUER, jwks_uri: inner.url }));
    const name = outer.url.replace('/keys', '');
    const token = es256(first, 'k1', { iss: name, sub: 'a' });
    const closed = await guarded({ issuer: name }, { mayDial: (_address, port) => port === outer.port });
    expect(await bring(closed, token)).toBe(401);
    expect([outer.asked, inner.asked]).toEqual([['/.well-known/openid-configuration'], []]);
    const open = await guarded({ issuer: name });
    expect(await bring(open, token)).toBe(200);
  });

  it.each(['file:///etc/passwd', 'gopher://127.0.0.1/', 'data:application/json,{}'])(
    'is not %s, named by a discovery document',
    async (jwksUri) => {
      const server = await issuer(JSON.stringify({ jwks_uri: jwksUri }));
      const name = server.url.replace('/keys', '');
      const gateway = await guarded({ issuer: name });
      expect(await bring(gateway, es256(first, 'k1', { iss: name, sub: 'a' }))).toBe(401);
    },
  );

  describe('by name', () => {
    type Found = (error: NodeJS.ErrnoException | null, addresses: dns.LookupAddress[]) => void;
    const { lookup } = dns;
    /** What the name means at each question, one after the other; the last stays. */
    const answers: string[][] = [];
    beforeEach(() => {
      answers.length = 0;
      dns.lookup = ((name: string, options: dns.LookupAllOptions, callback: Found) => {
        if (!name.endsWith('.example')) return lookup(name, options, callback);
        const found = (answers.length > 1 ? answers.shift() : answers[0]) ?? [];
        callback(
          null,
          found.map((address) => ({ address, family: 4 })),
        );
      }) as typeof dns.lookup;
      syncBuiltinESMExports();
    });
    afterEach(() => {
      dns.lookup = lookup;
      syncBuiltinESMExports();
    });
    const mayDial = (address: string): boolean => address === '127.0.0.1';

    it('is the address that was asked about, whatever the name says a moment later', async () => {
      const clock = movableClock();
      const server = await issuer(GOOD_SET);
      const inner = await keyServer(NEXT_SET, { address: '127.0.0.2', port: server.port });
      servers.push(inner);
      answers.push(['127.0.0.1'], ['127.0.0.2']);
      const jwksUri = `http://rebinding.example:${server.port}/keys`;
      const gateway = await guarded({ jwksUri }, { mayDial, clock });
      expect(await bring(gateway, oldToken)).toBe(200);
      clock.move(31_000);
      expect(await bring(gateway, newToken)).toBe(401);
      expect([server.asked.length, inner.asked.length]).toEqual([1, 0]);
    });

    it('is only such of its addresses as may be dialled', async () => {
      const server = await issuer(GOOD_SET);
      const inner = await keyServer(NEXT_SET, { address: '127.0.0.2', port: server.port });
      servers.push(inner);
      answers.push(['127.0.0.2', '127.0.0.1']);
      const gateway = await guarded({ jwksUri: `http://both.example:${server.port}/keys` }, { mayDial });
      expect(await bring(gateway, oldToken)).toBe(200);
      expect(inner.asked).toEqual([]);
    });
  });
});

describe('J-20 an outage', () => {
  it('before the first fetch lets nobody in, and ends by itself', async () => {
    const server = await issuer((_, response) => response.destroy());
    const gateway = await guarded({ jwksUri: server.url }, { plugins: timed({ retryMs: 20 }) });
    expect(await bring(gateway, oldToken)).toBe(401);
    expect(await bring(gateway, othersToken)).toBe(200);
    server.behaviour = serving(GOOD_SET);
    await expect.poll(() => bring(gateway, oldToken)).toBe(200);
  });

  it('is measured: whether there are keys, and how old they are', async () => {
    const clock = movableClock();
    const registry = new Registry();
    const plugins = [measuredAuthJwt(registry), authorization] as readonly GatewayPlugin[];
    const held: ServerResponse[] = [];
    const server = await issuer((_, response) => void held.push(response));
    const gateway = await guarded({ jwksUri: server.url }, { plugins, clock });
    const shown = async (metric: string): Promise<readonly number[]> =>
      (await registry.metrics())
        .split('\n')
        .filter((line) => line.startsWith(`${metric}{source="${server.url}"}`))
        .map((line) => Number(line.split(' ')[1]));
    await expect.poll(() => held).toHaveLength(1);
    expect([await shown('banyan_jwt_keys_usable'), await shown('banyan_jwt_keys_age_seconds')]).toEqual([[0], []]);
    held[0]?.end(GOOD_SET);
    expect(await bring(gateway, oldToken)).toBe(200);
    clock.move(60_000);
    expect(await shown('banyan_jwt_keys_usable')).toEqual([1]);
    expect((await shown('banyan_jwt_keys_age_seconds'))[0]).toBeGreaterThanOrEqual(60);
    clock.move(24 * 3_600_000);
    expect(await shown('banyan_jwt_keys_usable')).toEqual([0]);
    await gateway.publish(guardedRoutes(upstreams.ports[0] as number));
    expect(await shown('banyan_jwt_keys_usable')).toEqual([]);
  });

  it('is told to the operator, with the address and what is wrong there', async () => {
    const lines: string[] = [];
    const server = await issuer((_, response) => response.writeHead(500).end());
    await guarded({ jwksUri: server.url }, { onPluginLine: (level, message) => lines.push(`${level} ${message}`) });
    await expect.poll(() => lines).toEqual([expect.stringMatching(`^warn keys of ${server.url} cannot be had: .*500`)]);
  });

  it('is bridged by the last good keys for a day, and no longer', async () => {
    const clock = movableClock();
    const server = await issuer(GOOD_SET);
    const gateway = await guarded({ jwksUri: server.url }, { clock, plugins: timed({ refreshMs: 20, retryMs: 20 }) });
    expect(await bring(gateway, oldToken)).toBe(200);
    server.behaviour = (_, response) => void response.writeHead(503).end();
    const asked = server.asked.length;
    await expect.poll(() => server.asked.length).toBeGreaterThan(asked + 2);
    clock.move(23 * 3_600_000);
    expect(await bring(gateway, oldToken)).toBe(200);
    expect(await bring(gateway, es256(first, 'k1', { ...CLAIMS, jti: 'not seen before' }))).toBe(200);
    expect(await bring(gateway, newToken)).toBe(401);
    clock.move(2 * 3_600_000);
    expect(await bring(gateway, oldToken)).toBe(401);
    server.behaviour = serving(GOOD_SET);
    await expect.poll(() => bring(gateway, oldToken)).toBe(200);
  });

  it.each(['hangs', 'is gone', 'answers nonsense'])('in which the server %s changes nothing for users', async (how) => {
    const server = await issuer(GOOD_SET);
    const timing = { refreshMs: 20, retryMs: 20 };
    const gateway = await guarded({ jwksUri: server.url, timeout: '200ms' }, { plugins: timed(timing) });
    expect(await bring(gateway, oldToken)).toBe(200);
    const behaviours: Readonly<Record<string, RequestListener>> = {
      hangs: () => undefined,
      'is gone': (request) => request.socket.destroy(),
      'answers nonsense': serving('{"keys":'),
    };
    server.behaviour = behaviours[how] as RequestListener;
    const asked = server.asked.length;
    await expect.poll(() => server.asked.length).toBeGreaterThan(asked + 1);
    for (let i = 0; i < 20; i++) expect(await bring(gateway, es256(first, 'k1', { ...CLAIMS, jti: `${i}` }))).toBe(200);
    expect(await bring(gateway, newToken)).toBe(401);
  });
});

describe('J-21 new keys', () => {
  it('serve with the first token that names one, and end those that are gone, remembered tokens too', async () => {
    const clock = movableClock();
    const server = await issuer(GOOD_SET);
    const gateway = await guarded({ jwksUri: server.url }, { clock });
    expect(await bring(gateway, oldToken)).toBe(200);
    server.behaviour = serving(NEXT_SET);
    clock.move(30_000);
    expect(await bring(gateway, newToken)).toBe(200);
    expect(await bring(gateway, oldToken)).toBe(401);
    expect(server.asked).toHaveLength(2);
  });

  it('that replace one of the same name end its tokens at the next fetch', async () => {
    const server = await issuer(GOOD_SET);
    const gateway = await guarded({ jwksUri: server.url }, { plugins: timed({ refreshMs: 20 }) });
    expect(await bring(gateway, oldToken)).toBe(200);
    server.behaviour = serving(setOf(jwkOf(second.publicKey, 'k1')));
    await expect.poll(() => bring(gateway, oldToken)).toBe(401);
    expect(await bring(gateway, es256(second, 'k1'))).toBe(200);
  });

  it('and old ones together let both in', async () => {
    const clock = movableClock();
    const server = await issuer(GOOD_SET);
    const gateway = await guarded({ jwksUri: server.url }, { clock });
    server.behaviour = serving(setOf(jwkOf(second.publicKey, 'k2'), jwkOf(first.publicKey, 'k1')));
    clock.move(30_000);
    expect([await bring(gateway, newToken), await bring(gateway, oldToken)]).toEqual([200, 200]);
  });
});

describe('J-23 a policy that becomes stricter', () => {
  const world = (...rules: readonly object[]): string =>
    guardedRoutes(upstreams.ports[0] as number) + requestAuthentication(...rules) + TOKEN_REQUIRED;
  const inline = { issuer: ISSUER, jwks: GOOD_SET };

  it.each([
    ['by audience', { ...inline, audiences: ['shop'] }, 403],
    ['by issuer', { ...inline, issuer: OTHER }, 401],
    ['by keys', { issuer: ISSUER, jwks: NEXT_SET }, 401],
    ['by the place of tokens', { ...inline, fromHeaders: [{ name: 'x-token' }] }, 403],
  ])('%s counts for the next request with a token that is remembered', async (_what, rule, status) => {
    const gateway = await guarded(inline);
    await gateway.publish(world(inline));
    expect([await bring(gateway, oldToken), await bring(gateway, oldToken)]).toEqual([200, 200]);
    await gateway.publish(world(rule));
    expect(await bring(gateway, oldToken)).toBe(status);
    await gateway.publish(world(inline));
    expect(await bring(gateway, oldToken)).toBe(200);
  });
});
