import { beforeAll, describe, expect, it, vi } from 'vitest';
import { createJwtFilter, type JwtFilterOptions } from '../../../../plugins/auth-jwt/hook.ts';
import { KeySet } from '../../../../plugins/auth-jwt/key-set.ts';
import { TokenCache } from '../../../../plugins/auth-jwt/token-cache.ts';
import { systemClock } from '../../../../src/kernel/clock.ts';
import { fakeExchange } from '../../../support/fake-exchange.ts';
import { createIssuer, type Issuer, ruleOf, secondsFromNow } from './issuer.ts';

let login: Issuer;
beforeAll(async () => {
  login = await createIssuer('login');
});

function gateway(changes: Partial<JwtFilterOptions> = {}) {
  const filter = createJwtFilter({ clock: systemClock, mayDial: () => true, warn: () => undefined, ...changes });
  const verify = vi.spyOn(KeySet.prototype, 'verify');
  verify.mockClear();
  const publish = (rule = ruleOf(login)) => {
    const settings = { rules: [rule], sanitizeHeaders: [] };
    filter.published?.([settings]);
    return settings;
  };
  const send = (token: string, settings: ReturnType<typeof publish>) => {
    const exchange = fakeExchange({ headers: [['authorization', `Bearer ${token}`]] });
    const verdict = filter.request?.(exchange, settings);
    return { verdict, exchange };
  };
  return { publish, send, verify };
}

describe('a token that was verified', () => {
  it('is not verified again, and then nothing is waited for', async () => {
    const { publish, send, verify } = gateway();
    const settings = publish();
    const token = await login.token();
    expect(await send(token, settings).verdict).toBeUndefined();
    const second = send(token, settings);
    expect(second.verdict).toBeUndefined();
    expect(second.exchange.identity?.subject).toBe('customer-17');
    expect(verify).toHaveBeenCalledTimes(1);
  });

  it('is verified once for all that bring it at the same moment', async () => {
    const { publish, send, verify } = gateway();
    const settings = publish();
    const token = await login.token();
    const verdicts = await Promise.all(Array.from({ length: 20 }, async () => send(token, settings).verdict));
    expect(verdicts.every((verdict) => verdict === undefined)).toBe(true);
    expect(verify).toHaveBeenCalledTimes(1);
  });

  it('ends when it ends', async () => {
    let nowMs = systemClock.nowMs();
    const { publish, send } = gateway({ clock: { ...systemClock, nowMs: () => nowMs } });
    const settings = publish();
    const token = await login.token({ exp: secondsFromNow(10) });
    expect(await send(token, settings).verdict).toBeUndefined();
    nowMs += 72_000;
    expect(await send(token, settings).verdict).toMatchObject({ message: 'Jwt is expired' });
  });

  it('is judged anew by the next rule that says something else', async () => {
    const { publish, send, verify } = gateway();
    const token = await login.token({ aud: 'shop' });
    expect(await send(token, publish()).verdict).toBeUndefined();
    expect(await send(token, publish(ruleOf(login, { audiences: ['till'] }))).verdict).toMatchObject({ status: 403 });
    expect(await send(token, publish(ruleOf(login, { audiences: ['shop'] }))).verdict).toBeUndefined();
    expect(verify).toHaveBeenCalledTimes(2);
  });

  it('is still known when a new table says the same', async () => {
    const { publish, send, verify } = gateway();
    const token = await login.token();
    await send(token, publish()).verdict;
    expect(send(token, publish()).verdict).toBeUndefined();
    expect(verify).toHaveBeenCalledTimes(1);
  });

  it('is not taken for good because a bad one was not', async () => {
    const { publish, send, verify } = gateway();
    const settings = publish();
    const other = await createIssuer('login');
    const forged = await other.token();
    for (let i = 0; i < 2; i++) expect(await send(forged, settings).verdict).toMatchObject({ status: 401 });
    expect(verify).toHaveBeenCalledTimes(2);
  });
});

describe('the cache of tokens', () => {
  const remembered = (cache: TokenCache<{ size: number }>, keys: string): string =>
    [...keys].filter((key) => cache.get(key) !== undefined).join('');

  it('keeps what is asked for, and forgets what was not while half of it was filled', () => {
    const cache = new TokenCache({ entries: 4, characters: 100 });
    for (const key of 'abc') cache.set(key, { size: 1 });
    cache.get('a');
    cache.set('d', { size: 1 });
    expect(remembered(cache, 'bd')).toBe('d');
    expect(remembered(cache, 'ac')).toBe('ac');
  });

  it('is bounded by what the tokens hold as well', () => {
    const cache = new TokenCache({ entries: 100, characters: 20 });
    for (const key of 'abcdefgh') cache.set(key, { size: 4 });
    expect(cache.size).toBe(4);
    expect(remembered(cache, 'abcd')).toBe('');
    cache.set('huge', { size: 11 });
    expect(cache.get('huge')).toBeUndefined();
    expect(remembered(cache, 'efgh')).not.toBe('');
  });

  it('never holds more than it may, however it is asked', () => {
    const cache = new TokenCache({ entries: 10, characters: 1_000 });
    for (let i = 0; i < 500; i++) {
      cache.set(`key ${i}`, { size: 1 });
      cache.get(`key ${i - 7}`);
      cache.get(`key ${i % 5}`);
      expect(cache.size).toBeLessThanOrEqual(10);
    }
    expect(cache.get('key 499')).toBeDefined();
  });

  it('forgets at once what it is told to', () => {
    const cache = new TokenCache({ entries: 4, characters: 100 });
    for (const key of 'abc') cache.set(key, { size: 1 });
    for (const key of 'abc') cache.delete(key);
    expect(remembered(cache, 'abc')).toBe('');
    expect(cache.size).toBe(0);
  });
});
