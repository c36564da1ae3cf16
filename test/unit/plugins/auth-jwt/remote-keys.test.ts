import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { KeySource } from '../../../../plugins/auth-jwt/config.ts';
import { fetchDocument } from '../../../../plugins/auth-jwt/fetch-document.ts';
import { createJwtFilter } from '../../../../plugins/auth-jwt/hook.ts';
import { RemoteKeys, type RemoteTiming } from '../../../../plugins/auth-jwt/key-source.ts';
import { systemClock } from '../../../../src/kernel/clock.ts';
import { fakeExchange } from '../../../support/fake-exchange.ts';
import { createIssuer, type Issuer, ruleOf } from './issuer.ts';

const servers: Server[] = [];
const stops: (() => void)[] = [];
let login: Issuer;

beforeAll(async () => {
  login = await createIssuer('login');
});

afterEach(async () => {
  for (const stop of stops.splice(0)) stop();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const mayDial = () => true;

describe('a document of a policy’s', () => {
  const get = (address: string, timeoutMs = 2_000) => fetchDocument(address, timeoutMs, mayDial);

  it('is fetched', async () => {
    const origin = await serve((request, response) => response.end(request.url));
    expect(await get(`${origin}/keys?a=b`)).toBe('/keys?a=b');
  });

  it.each([
    ['another status', (_, response) => response.writeHead(404).end('{}'), /status 404/],
    ['a redirect', (_, response) => response.writeHead(302, { location: '/elsewhere' }).end(), /status 302/],
    ['an endless body', (_, response) => endless(response), /longer than/],
    ['a long one with its length', (_, response) => response.end('x'.repeat(2 ** 20 + 1)), /longer than/],
    [
      'a compressed one',
      (_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('x')),
      /compressed/,
    ],
    ['no HTTP at all', (request) => request.socket.end('hello\r\n\r\n'), /./],
    ['a cut body', (_, response) => cut(response), /./],
  ] as readonly (readonly [string, RequestListener, RegExp])[])('is not taken: %s', async (_, listener, message) => {
    await expect(get(`${await serve(listener)}/keys`)).rejects.toThrow(message);
  });

  it.each([
    ['that never answers', () => undefined],
    ['that drips', (_, response) => void setInterval(() => response.write('x'), 20).unref()],
  ] as readonly (readonly [string, RequestListener])[])('is not waited for from a server %s', async (_, listener) => {
    await expect(get(await serve(listener), 150)).rejects.toThrow();
  });

  it.each(['file:///etc/passwd', 'ftp://127.0.0.1/x', 'partner', ''])('is not fetched from %s', async (address) => {
    await expect(get(address)).rejects.toThrow('no http or https URL');
  });

  it.each(['127.0.0.1', 'localhost', '[::1]'])('is not fetched from %s where that may not be dialled', async (host) => {
    let asked = 0;
    const origin = await serve((_, response) => response.end(String(asked++)));
    const address = origin.replace('127.0.0.1', host);
    await expect(fetchDocument(address, 2_000, () => false)).rejects.toThrow(/may (?:not )?be dialled/);
    expect(asked).toBe(0);
  });

  it('is fetched by name from an address that may be dialled, with its port asked for as well', async () => {
    const origin = await serve((_, response) => response.end('keys'));
    const port = Number(new URL(origin).port);
    const asked: (readonly [string, number])[] = [];
    const guard = (address: string, at: number) => asked.push([address, at]) > 0 && address === '127.0.0.1';
    expect(await fetchDocument(origin.replace('127.0.0.1', 'localhost'), 2_000, guard)).toBe('keys');
    expect(asked).toContainEqual(['127.0.0.1', port]);
  });
});

function endless(response: import('node:http').ServerResponse): void {
  const more = (): void => {
    while (!response.destroyed && response.write('x'.repeat(65_536)));
    if (!response.destroyed) response.once('drain', more);
  };
  more();
}

function cut(response: import('node:http').ServerResponse): void {
  response.writeHead(200, { 'content-length': 100 });
  response.write('{}');
  setTimeout(() => response.destroy(), 20);
}

/** A set of keys whose fetches a test answers by hand. */
function scripted(source: Partial<KeySource> = {}, timing: Partial<RemoteTiming> = {}) {
  let nowMs = 0;
  const asked: { readonly address: string; answer(text: string): void; fail(why?: string): void }[] = [];
  const warnings: string[] = [];
  const news: string[] = [];
  const keys = new RemoteKeys({ kind: 'uri', uri: 'https://keys', timeoutMs: 1_000, ...source } as never, {
    clock: { nowMs: () => nowMs, monotonicMs: () => nowMs },
    warn: (message) => warnings.push(message),
    info: (message) => news.push(message),
    timing: { refreshMs: 1e9, retryMs: 30_000, ...timing },
    fetch: (address) =>
      new Promise((resolve, reject) =>
        asked.push({ address, answer: resolve, fail: (why = 'down') => reject(new Error(why)) }),
      ),
  });
  stops.push(() => keys.stop());
  const pass = (ms: number): void => {
    nowMs += ms;
  };
  return { keys, asked, warnings, news, pass };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('keys from an address', () => {
  it('are fetched at once, and the first requests wait for them', async () => {
    const { keys, asked } = scripted();
    const waiting = ['', 'k1'].map(async (kid) => keys.forToken(kid));
    expect(asked).toHaveLength(1);
    asked[0]?.answer(login.jwks);
    const [one, two] = await Promise.all(waiting);
    expect(one?.knows('k1')).toBe(true);
    expect(two).toBe(one);
    expect(keys.forToken('k1')).toBe(one);
  });

  it('are not waited for once they could not be had, until they are there', async () => {
    const { keys, asked, warnings } = scripted({}, { retryMs: 1 });
    const first = keys.forToken('');
    asked[0]?.fail();
    expect(await first).toBeUndefined();
    expect(keys.forToken('')).toBeUndefined();
    expect(warnings).toEqual(['keys of https://keys cannot be had: down']);
    await expect.poll(() => asked.length).toBe(2);
    expect(keys.forToken('')).toBeUndefined();
    asked[1]?.answer(login.jwks);
    await settled();
    expect(keys.current()?.knows('k1')).toBe(true);
  });

  it('are said to be missing once for each reason, and to be there again', async () => {
    const { asked, warnings, news } = scripted({}, { retryMs: 1, refreshMs: 1 });
    const answers = [undefined, 'down', 'down', 'slow', undefined, undefined, 'slow'];
    for (const [i, why] of answers.entries()) {
      await expect.poll(() => asked.length).toBe(i + 1);
      if (why === undefined) asked[i]?.answer(login.jwks);
      else asked[i]?.fail(why);
    }
    await settled();
    expect(warnings).toEqual(['down', 'slow', 'slow'].map((why) => `keys of https://keys cannot be had: ${why}`));
    expect(news).toEqual(['keys of https://keys are there again']);
  });

  it('have an age from their first fetch on', async () => {
    const { keys, asked, pass } = scripted();
    pass(1_000);
    expect(keys.ageMs).toBeUndefined();
    asked[0]?.answer(login.jwks);
    await settled();
    pass(7_000);
    expect(keys.ageMs).toBe(7_000);
  });

  it('are named without what is secret in their address', () => {
    const { keys } = scripted({ uri: 'https://user:hunter2@keys.test/jwks?api_key=s3cret' });
    expect(keys.name).toMatch(/^https:\/\/.*@keys\.test\/jwks\?api_key=/);
    expect(keys.name).not.toMatch(/hunter2|s3cret/);
  });

  it.each(['no JSON', '{}x', '{"keys":1}', JSON.stringify({ keys: Array(101).fill({}) })])(
    'are none when they read %s',
    async (text) => {
      const { keys, asked } = scripted();
      asked[0]?.answer(text);
      await settled();
      expect(keys.current()).toBeUndefined();
    },
  );

  it('are asked for again for an unknown kid, once in half a minute, by one fetch for all', async () => {
    const { keys, asked, pass } = scripted();
    asked[0]?.answer(login.jwks);
    await settled();
    expect(keys.forToken('new')).toBe(keys.current());
    pass(30_000);
    const waiting = Array.from({ length: 100 }, async (_, i) => keys.forToken(`random-${i}`));
    expect(asked).toHaveLength(2);
    const next = await createIssuer('login', 'ES256', 'new');
    asked[1]?.answer(next.jwks);
    for (const set of await Promise.all(waiting)) expect(set?.knows('new')).toBe(true);
    for (let i = 0; i < 10_000; i++) void keys.forToken(`more-${i}`);
    expect(asked).toHaveLength(2);
  });

  it('stay the same object while they say the same, so that verified tokens stay known', async () => {
    const { keys, asked, pass } = scripted();
    asked[0]?.answer(login.jwks);
    await settled();
    const before = keys.current();
    pass(30_000);
    const again = keys.forToken('new');
    asked[1]?.answer(login.jwks);
    expect(await again).toBe(before);
  });

  it('serve on for a day when they cannot be fetched any more, and not a moment longer', async () => {
    const { keys, asked, pass } = scripted();
    asked[0]?.answer(login.jwks);
    await settled();
    const good = keys.current();
    pass(30_000);
    const refetched = keys.forToken('new');
    asked[1]?.fail();
    expect(await refetched).toBe(good);
    pass(24 * 3_600_000 - 30_000);
    expect(keys.forToken('other')).toBe(good);
    pass(1);
    expect(keys.forToken('k1')).toBeUndefined();
  });

  it('are fetched anew in the background', async () => {
    const { keys, asked } = scripted({}, { refreshMs: 1 });
    asked[0]?.answer(login.jwks);
    await expect.poll(() => asked.length).toBe(2);
    const before = keys.forToken('k1');
    const next = await createIssuer('login', 'ES256', 'rotated');
    asked[1]?.answer(next.jwks);
    await settled();
    expect(keys.current()).not.toBe(before);
    expect(keys.current()?.knows('k1')).toBe(false);
  });

  it('are found by discovery', async () => {
    const { keys, asked } = scripted({ kind: 'discovery', issuer: 'https://issuer/tenant/' });
    expect(asked[0]?.address).toBe('https://issuer/tenant/.well-known/openid-configuration');
    asked[0]?.answer(JSON.stringify({ issuer: 'https://issuer/tenant', jwks_uri: 'https://issuer/certs' }));
    await settled();
    expect(asked[1]?.address).toBe('https://issuer/certs');
    asked[1]?.answer(login.jwks);
    await settled();
    expect(keys.current()?.knows('k1')).toBe(true);
  });

  it.each(['null', '{}', '{"jwks_uri":7}', 'x'])(
    'are not found by a discovery document that reads %s',
    async (text) => {
      const { keys, asked, warnings } = scripted({ kind: 'discovery', issuer: 'https://issuer' });
      asked[0]?.answer(text);
      await settled();
      expect(keys.current()).toBeUndefined();
      expect(warnings).toHaveLength(1);
    },
  );
});

describe('the filter with remote keys', () => {
  const send = async (address: string, token: string | undefined) => {
    const filter = createJwtFilter({ clock: systemClock, mayDial, warn: () => undefined });
    stops.push(() => filter.stop());
    const settings = { rules: [ruleOf(login, { jwks: '', jwksUri: address, timeout: '200ms' })], sanitizeHeaders: [] };
    filter.published?.([settings]);
    const headers = token === undefined ? [] : ([['authorization', `Bearer ${token}`]] as const);
    return filter.request?.(fakeExchange({ headers }), settings);
  };

  it('verifies by them', async () => {
    const origin = await serve((_, response) => response.end(login.jwks));
    expect(await send(`${origin}/keys`, await login.token())).toBeUndefined();
  });

  it.each([
    ['fails', (_, response) => response.writeHead(500).end()],
    ['is silent', () => undefined],
    ['talks nonsense', (_, response) => response.end('<html>')],
    ['is gone', (request) => request.socket.destroy()],
  ] as readonly (readonly [string, RequestListener])[])(
    'refuses every token, and no request without one, when the issuer %s',
    async (_, listener) => {
      const origin = await serve(listener);
      expect(await send(`${origin}/keys`, await login.token())).toMatchObject({
        status: 401,
        message: 'Jwt verification fails',
      });
      expect(await send(`${origin}/keys`, undefined)).toBeUndefined();
    },
  );

  it('ends fetching for rules that are gone', async () => {
    let asked = 0;
    const origin = await serve((_, response) => {
      asked++;
      response.writeHead(500).end();
    });
    const filter = createJwtFilter({ clock: systemClock, mayDial, warn: () => undefined, timing: { retryMs: 5 } });
    stops.push(() => filter.stop());
    filter.published?.([{ rules: [ruleOf(login, { jwks: '', jwksUri: origin })], sanitizeHeaders: [] }]);
    await expect.poll(() => asked).toBeGreaterThan(1);
    filter.published?.([]);
    const before = asked;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(asked - before).toBeLessThanOrEqual(1);
  });
});
