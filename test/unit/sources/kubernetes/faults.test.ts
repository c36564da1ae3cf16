import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { type Call, type Fault, lineOf, refuse, send, VIRTUAL_SERVICES, virtualService, when } from './fake-api.ts';
import { fakeApi, follow, soon } from './support.ts';

const isWatch = ({ path, query }: Call): boolean => path === VIRTUAL_SERVICES && query.has('watch');
const isList = ({ path, query }: Call): boolean => path === VIRTUAL_SERVICES && !query.has('watch');

/** A fault for the first so many calls of a sort. */
function times(count: number, which: (call: Call) => boolean, what: (to: ServerResponse) => void): Fault {
  let left = count;
  return when((call) => which(call) && left-- > 0, what);
}

const FAULTS: readonly (readonly [name: string, fault: () => Fault])[] = [
  ['410 for a hundred watches', () => times(100, isWatch, (to) => refuse(to, 410, 'Expired'))],
  [
    '410 in the stream',
    () =>
      times(3, isWatch, (to) => {
        to.writeHead(200).end(lineOf({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } }));
      }),
  ],
  [
    '410 in the middle of a list',
    () =>
      times(
        1,
        (call) => isList(call) && call.query.has('continue'),
        (to) => refuse(to, 410, 'Expired'),
      ),
  ],
  ['500 for lists', () => times(5, isList, (to) => refuse(to, 500, 'InternalError'))],
  [
    '500 in the stream',
    () =>
      times(3, isWatch, (to) => {
        to.writeHead(200).end(lineOf({ type: 'ERROR', object: { kind: 'Status', code: 500 } }));
      }),
  ],
  ['429 for watches', () => times(5, isWatch, (to) => refuse(to, 429, 'TooManyRequests'))],
  [
    '401 until the token is renewed',
    () =>
      times(
        4,
        (call) => isList(call) || isWatch(call),
        (to) => refuse(to, 401, 'Unauthorized'),
      ),
  ],
  ['403 until the right is granted', () => times(4, isList, (to) => refuse(to, 403, 'Forbidden'))],
  ['504 for a version the server has not reached', () => times(2, isWatch, (to) => refuse(to, 504, 'Timeout'))],
  [
    'connections that are reset',
    () =>
      times(
        5,
        (call) => isList(call) || isWatch(call),
        (to) => to.socket?.resetAndDestroy(),
      ),
  ],
  ['watches that end at once', () => times(5, isWatch, (to) => to.writeHead(200).end())],
  ['garbage instead of events', () => times(3, isWatch, (to) => to.writeHead(200).end('<html>nope</html>\n'))],
  [
    'events without a version',
    () =>
      times(3, isWatch, (to) => to.writeHead(200).end(lineOf({ type: 'ADDED', object: { metadata: { name: 'x' } } }))),
  ],
  [
    'events of no known type',
    () => times(3, isWatch, (to) => to.writeHead(200).end(lineOf({ type: 'PARTY', object: {} }))),
  ],
  ['events that are cut', () => times(3, isWatch, (to) => to.writeHead(200).end('{"type":"ADDED","obj'))],
  ['garbage instead of a list', () => times(3, isList, (to) => to.writeHead(200).end('<html>'))],
  ['something that is no list', () => times(3, isList, (to) => send(to, 200, { items: 'none' }))],
  [
    'discovery that fails',
    () =>
      times(
        3,
        ({ path }) => path === '/apis/networking.istio.io/v1',
        (to) => refuse(to, 503, ''),
      ),
  ],
];

describe('an API server that misbehaves', () => {
  it.each(FAULTS)('is followed to the truth: %s', async (_, fault) => {
    const api = await fakeApi();
    for (let i = 0; i < 600; i++) api.put(VIRTUAL_SERVICES, virtualService(`v${i}`));
    api.faults.push(fault());
    const { started, names } = follow(api);
    await started;
    expect(names()).toHaveLength(600);
    api.put(VIRTUAL_SERVICES, virtualService('new'));
    api.delete(VIRTUAL_SERVICES, virtualService('v1'));
    await soon(() => expect(names()).toContain('new'));
    await soon(() => expect(names()).not.toContain('v1'));
    expect(names()).toHaveLength(600);
  });

  it('is given up when nothing is heard any more', async () => {
    const api = await fakeApi();
    api.put(VIRTUAL_SERVICES, virtualService('cart'));
    const { started, names } = follow(api, { timings: { silenceMs: 60 } });
    await started;
    let silent = true;
    api.faults.push(
      when(
        (call) => isWatch(call) && silent,
        (to) => to.writeHead(200).flushHeaders(),
      ),
    );
    api.dropWatches('end');
    await soon(() => expect(api.count(VIRTUAL_SERVICES, 'watch')).toBeGreaterThan(2));
    silent = false;
    api.put(VIRTUAL_SERVICES, virtualService('new'));
    await soon(() => expect(names()).toEqual(['cart', 'new']));
  });

  it('resumes where a reset left it, without a list', async () => {
    const api = await fakeApi();
    const { started, names } = follow(api);
    await started;
    api.put(VIRTUAL_SERVICES, virtualService('cart'));
    await soon(() => expect(names()).toEqual(['cart']));
    api.dropWatches('reset');
    api.put(VIRTUAL_SERVICES, virtualService('new'));
    await soon(() => expect(names()).toEqual(['cart', 'new']));
    expect(api.count(VIRTUAL_SERVICES, 'list')).toBe(1);
  });

  it('resumes from the version of a bookmark', async () => {
    const api = await fakeApi();
    const { started } = follow(api);
    await started;
    await soon(() => expect(api.watches(VIRTUAL_SERVICES)).toBe(1));
    api.say(VIRTUAL_SERVICES, lineOf({ type: 'BOOKMARK', object: { metadata: { resourceVersion: '777' } } }));
    api.dropWatches('end');
    await soon(() => expect(api.calls.filter(isWatch).at(-1)?.query.get('resourceVersion')).toBe('777'));
  });

  it('is not believed an event twice, nor one that is older than what is known', async () => {
    const api = await fakeApi();
    const old = api.put(VIRTUAL_SERVICES, virtualService('cart', 'old.example.com'));
    const { started, current } = follow(api);
    await started;
    const hosts = () => current()?.resources.get('VirtualService', 'shop', 'cart')?.body.spec.hosts;
    await soon(() => expect(api.watches(VIRTUAL_SERVICES)).toBe(1));
    const now = api.put(VIRTUAL_SERVICES, virtualService('cart', 'new.example.com'));
    await soon(() => expect(hosts()).toEqual(['new.example.com']));
    api.say(VIRTUAL_SERVICES, lineOf({ type: 'MODIFIED', object: now }));
    api.say(VIRTUAL_SERVICES, lineOf({ type: 'MODIFIED', object: old }));
    await soon(() => expect(api.count(VIRTUAL_SERVICES, 'list')).toBe(2));
    expect(hosts()).toEqual(['new.example.com']);
  });

  it('is followed at once when it can be reached again, however long a dead connection would be waited for', async () => {
    const api = await fakeApi();
    const { started, names, log } = follow(api, { timings: { silenceMs: 60_000, watchSeconds: 60 } });
    await started;
    await soon(() => expect(api.watches(VIRTUAL_SERVICES)).toBe(1));
    api.partition();
    api.put(VIRTUAL_SERVICES, virtualService('cart'));
    await soon(() => expect(log).toContainEqual(expect.stringContaining('(contact): it does not answer within')));
    api.heal();
    await soon(() => expect(names()).toEqual(['cart']));
    expect(api.count(VIRTUAL_SERVICES, 'list')).toBe(1);
    await soon(() => expect(log.at(-1)).toContain('is followed again'));
  });

  it('has its watches left alone while it answers', async () => {
    const api = await fakeApi();
    await follow(api, { timings: { pulseMs: 400, watchSeconds: 60 } }).started;
    await soon(() => expect(api.calls.filter(({ path }) => path === '/version').length).toBeGreaterThan(2));
    expect(api.count(VIRTUAL_SERVICES, 'watch')).toBe(1);
  });

  it('is believed when it was restored from a backup, and everything in it is older than what is known', async () => {
    const api = await fakeApi();
    const { started, current } = follow(api);
    api.put(VIRTUAL_SERVICES, virtualService('cart', 'new.example.com'));
    await started;
    const hosts = () => current()?.resources.get('VirtualService', 'shop', 'cart')?.body.spec.hosts;
    await soon(() => expect(hosts()).toEqual(['new.example.com']));
    api.rewind(20);
    api.put(VIRTUAL_SERVICES, virtualService('cart', 'old.example.com'));
    api.faults.push(times(1, isWatch, (to) => refuse(to, 410, 'Expired')));
    api.dropWatches('reset');
    await soon(() => expect(hosts()).toEqual(['old.example.com']));
  });

  it('keeps U+2028 within a text, and an event that comes in pieces', async () => {
    const api = await fakeApi();
    const { started, names, current } = follow(api);
    await started;
    await soon(() => expect(api.watches(VIRTUAL_SERVICES)).toBe(1));
    const cart = virtualService('cart');
    const metadata = { ...cart.metadata, annotations: { note: 'a\u2028b' }, resourceVersion: '9000' };
    const line = lineOf({ type: 'ADDED', object: { ...cart, metadata } });
    for (const piece of [line.slice(0, 30), line.slice(30, 31), line.slice(31)]) {
      api.say(VIRTUAL_SERVICES, piece);
      await new Promise((resume) => setTimeout(resume, 5));
    }
    await soon(() => expect(names()).toEqual(['cart']));
    expect(current()?.resources.ofKind('VirtualService')[0]?.meta.annotations).toEqual({ note: 'a\u2028b' });
  });

  it('is waited for while it refuses policies, but not while it refuses Secrets', async () => {
    const api = await fakeApi();
    let refused = 'secrets';
    api.faults.push(
      when(
        ({ path }) => path.endsWith(`/${refused}`),
        (to) => refuse(to, 403, 'Forbidden'),
      ),
    );
    const first = await follow(api).started;
    expect(first.diagnostics).toContainEqual(expect.objectContaining({ code: 'kind-denied', severity: 'error' }));
    refused = 'authorizationpolicies';
    const second = follow(api);
    await soon(() =>
      expect(second.source.health().kinds.find(({ kind }) => kind === 'AuthorizationPolicy')?.state).toBe('denied'),
    );
    expect(second.current()).toBeUndefined();
    refused = '';
    await second.started;
  });

  it('that takes a kind away keeps the rest going', async () => {
    const api = await fakeApi();
    api.put(VIRTUAL_SERVICES, virtualService('cart'));
    const { started, source, log } = follow(api);
    await started;
    api.resources.delete('/apis/security.istio.io/v1');
    api.dropWatches('end');
    const stateOf = (wanted: string) => source.health().kinds.find(({ kind }) => kind === wanted)?.state;
    await soon(() => expect(stateOf('AuthorizationPolicy')).toBe('missing'));
    expect(stateOf('VirtualService')).toBe('live');
    expect(log.filter((line) => line.includes('tried again')).length).toBeLessThan(3);
  });
});
