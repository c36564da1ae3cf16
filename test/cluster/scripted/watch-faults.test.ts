import { writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import path from 'node:path';
import { expect, it } from 'vitest';
import {
  type Call,
  type FakeApi,
  type FakeObject,
  type Fault,
  GATEWAYS,
  lineOf,
  refuse,
  send,
  VIRTUAL_SERVICES,
  virtualService,
  when,
} from '../../unit/sources/kubernetes/fake-api.ts';
import { fakeApi } from '../../unit/sources/kubernetes/support.ts';
import { type Applied, freePort, gateway, route, type Served, serve, soon } from '../cluster.ts';
import { temporaryFolder } from '../service-account.ts';
import { type Backend, startBackend } from '../traffic.ts';

/** Rows of edge-security §2.2: a server that does what a real one does not on demand, and a gateway under load. */

const SERVICE_ENTRIES = '/apis/networking.istio.io/v1/serviceentries';
const PATHS: Readonly<Record<string, string>> = {
  Gateway: GATEWAYS,
  VirtualService: VIRTUAL_SERVICES,
  ServiceEntry: SERVICE_ENTRIES,
};
/** What a gateway may need to come to the truth after the fault. */
const CONVERGED_MS = 10_000;

const isWatch = ({ query }: Call): boolean => query.has('watch');
const ofRoutes = (call: Call): boolean => call.path === VIRTUAL_SERVICES;

/** A fault for the first so many calls of a sort, and how many are left of it. */
function times(count: number, which: (call: Call) => boolean, what: (to: ServerResponse, call: Call) => void): Limited {
  let left = count;
  const fault: Fault = (call, to) => {
    if (left === 0 || !which(call)) return false;
    left--;
    what(to, call);
    return true;
  };
  return { fault, left: () => left };
}

function kubeconfigOf(api: FakeApi, token: string, file = path.join(temporaryFolder(), 'kubeconfig')): string {
  const cluster = { server: api.access.server, 'insecure-skip-tls-verify': true };
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'fake', cluster }],
    users: [{ name: 'fake', user: { token } }],
    contexts: [{ name: 'fake', context: { cluster: 'fake', user: 'fake' } }],
    'current-context': 'fake',
  };
  writeFileSync(file, JSON.stringify(config));
  return file;
}

interface Scene {
  readonly api: FakeApi;
  readonly served: Served;
  readonly backend: Backend;
  readonly kubeconfig: string;
  /** Changes a route, and waits until the gateway answers by the new one; how long that took. */
  converge(text: string): Promise<number>;
}

const put = (api: FakeApi, object: Applied): FakeObject =>
  api.put(PATHS[object.kind] ?? '', { ...object, metadata: { ...object.metadata, generation: 1 } });

async function openScene(): Promise<Scene> {
  const api = await fakeApi();
  const backend = await startBackend();
  const port = await freePort();
  for (const object of [gateway('edge', port), ...backend.objects('edge'), route('edge', 'version', 'v0')])
    put(api, object);
  for (let i = 0; i < 10; i++) api.put(VIRTUAL_SERVICES, virtualService(`other-${i}`));
  const kubeconfig = kubeconfigOf(api, 'first');
  const served = await serve(kubeconfig, 'edge', port, '--gateway-namespace', 'edge');
  await soon(() => expect(served.log()).toContain('"message":"ready"'));
  const converge = async (text: string): Promise<number> => {
    const beganMs = performance.now();
    put(api, route('edge', 'version', text));
    while ((await served.ask('version.example.com')).body !== text) {
      if (performance.now() - beganMs > CONVERGED_MS) throw new Error(`not there after 10 s: ${served.log()}`);
      await new Promise((resume) => setTimeout(resume, 20));
    }
    return performance.now() - beganMs;
  };
  return { api, served, backend, kubeconfig, converge };
}

const ends = (to: ServerResponse, text: string): void => void to.writeHead(200).end(text);
const notANumber = (to: ServerResponse): void => {
  const object = {
    ...virtualService('other-0'),
    metadata: { name: 'other-0', namespace: 'shop', resourceVersion: '' },
  };
  ends(to, lineOf({ type: 'MODIFIED', object }));
};

interface Limited {
  readonly fault: Fault;
  readonly left: () => number;
}

const watches = (call: Call): boolean => ofRoutes(call) && isWatch(call);
const FAULTS: readonly (readonly [name: string, fault: () => Limited])[] = [
  ['429 with Retry-After', () => times(2, ofRoutes, (to) => refuse(to.setHeader('retry-after', '1'), 429, 'TooMany'))],
  ['500', () => times(2, ofRoutes, (to) => refuse(to, 500, 'InternalError'))],
  ['garbage in the stream', () => times(2, watches, (to) => ends(to, '{"type":"MODIFIED","obj\nect":}\n'))],
  ['a page of a proxy', () => times(2, ofRoutes, (to) => ends(to, '<html>Bad gateway</html>'))],
  ['half an event', () => times(2, watches, (to) => ends(to, '{"type":"MODIFIED","object":{"metada'))],
  ['events without a version', () => times(2, watches, notANumber)],
  ['resets', () => times(2, ofRoutes, (to) => to.socket?.resetAndDestroy())],
  ['a version that the server has not reached', () => times(2, watches, (to) => refuse(to, 504, 'Timeout'))],
];

it('serves on, and comes to the truth, whatever watches answer (R-10)', async () => {
  const { api, served, backend, converge, kubeconfig } = await openScene();
  const traffic = backend.load(served.port);
  for (const [name, fault] of FAULTS) {
    const { fault: injected, left } = fault();
    api.faults.push(injected);
    api.dropWatches('reset');
    await soon(() => expect(left()).toBe(0));
    expect(await converge(name), name).toBeLessThan(CONVERGED_MS);
    api.faults.length = 0;
    // Heard of by a watch that works, which ends the series of failures.
    await converge(`after ${name}`);
  }

  // Twice, and out of their order.
  const [old, now] = ['old', 'now'].map((text) => put(api, route('edge', 'told', text)));
  for (const object of [now, now, old, now, old]) api.say(VIRTUAL_SERVICES, lineOf({ type: 'MODIFIED', object }));
  await converge('reordered');
  expect((await served.ask('told.example.com')).body).toBe('now');

  // A server that takes its time: the head of the list now, the rest bit by bit.
  api.faults.push(
    times(
      1,
      (call) => ofRoutes(call) && !isWatch(call),
      (to) => {
        const items = [...api.all(VIRTUAL_SERVICES)];
        const text = JSON.stringify({ kind: 'List', metadata: { resourceVersion: String(api.version) }, items });
        to.writeHead(200, { 'content-type': 'application/json' });
        const step = Math.ceil(text.length / 10);
        for (let i = 0; i < 10; i++) setTimeout(() => to.write(text.slice(i * step, (i + 1) * step)), i * 200);
        setTimeout(() => to.end(), 2_000);
      },
    ).fault,
    times(
      1,
      (call) => ofRoutes(call) && isWatch(call),
      (to) => refuse(to, 410, 'Expired'),
    ).fault,
  );
  api.dropWatches('end');
  await converge('slow');
  api.faults.length = 0;

  // Tokens that are taken back at once, and not only after the new ones are there.
  let valid = 'first';
  api.faults.push(
    when(
      ({ headers }) => headers.authorization !== `Bearer ${valid}`,
      (to) => refuse(to, 401, 'Unauthorized'),
    ),
  );
  valid = 'second';
  kubeconfigOf(api, 'second', kubeconfig);
  api.dropWatches('end');
  await converge('rotated');
  api.faults.length = 0;

  // Nothing at all is answered, on connections that there are and on new ones.
  api.partition();
  put(api, route('edge', 'version', 'unheard'));
  await soon(() => expect(served.log()).toContain('(contact)'));
  expect((await served.ask('version.example.com')).body).toBe('rotated');
  api.heal();
  await converge('healed');
  await traffic.endWithoutLoss();
}, 150_000);

it('lists anew after 410, a hundred times, without a gap in traffic (R-08)', async () => {
  const { api, served, backend, converge } = await openScene();
  const traffic = backend.load(served.port);
  const expired = times(100, isWatch, (to) => refuse(to, 410, 'Expired'));
  api.faults.push(expired.fault);
  api.dropWatches('end');
  while (expired.left() > 0) {
    const tookMs = await converge(`${expired.left()} left`);
    // Each 410 is followed by a list within two seconds, and the route may have changed just after one.
    expect(tookMs).toBeLessThan(5_000);
    await new Promise((resume) => setTimeout(resume, 200));
  }
  await traffic.endWithoutLoss();
}, 90_000);

it('keeps routes that a server has lost, says so, and believes it when they come back (R-07)', async () => {
  const { api, served, backend, converge } = await openScene();
  const traffic = backend.load(served.port);
  const held = 'banyan_kubernetes_held_deletions{kind="VirtualService"}';
  expect(await served.metric(held)).toBe(0);
  const empty = times(
    1,
    (call) => ofRoutes(call) && !isWatch(call),
    (to) => send(to, 200, { kind: 'List', metadata: { resourceVersion: String(api.version) }, items: [] }),
  );
  api.faults.push(
    empty.fault,
    times(
      1,
      (call) => ofRoutes(call) && isWatch(call),
      (to) => refuse(to, 410, 'Expired'),
    ).fault,
  );
  api.dropWatches('end');
  await soon(async () => expect(await served.metric(held)).toBe(1));
  expect(empty.left()).toBe(0);
  expect((await served.ask('version.example.com')).body).toBe('v0');
  await soon(async () => expect((await served.admin('/diagnostics')).body).toContain('deletion-held'));
  // What is new takes effect all the same.
  await converge('while it is held');
  api.faults.push(
    times(
      1,
      (call) => ofRoutes(call) && isWatch(call),
      (to) => refuse(to, 410, 'Expired'),
    ).fault,
  );
  api.dropWatches('end');
  await soon(async () => expect(await served.metric(held)).toBe(0));
  await soon(async () => expect((await served.admin('/diagnostics')).body).not.toContain('deletion-held'));
  await traffic.endWithoutLoss();
}, 60_000);
