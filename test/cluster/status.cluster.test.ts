import { execFile } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { type Cluster, cluster, freePort, namespace, openGateway, route, serve, soon } from './cluster.ts';

interface Reported {
  readonly metadata: { readonly generation: number; readonly resourceVersion: string };
  readonly status?: {
    readonly observedGeneration: number;
    readonly conditions: readonly { readonly type: string; readonly status: string; readonly message: string }[];
  };
}

interface Events {
  readonly items: readonly {
    readonly type: string;
    readonly reason: string;
    readonly count: number;
    readonly involvedObject: { readonly name: string };
  }[];
}

const conditions = async (kube: Cluster, ns: string, name: string): Promise<Readonly<Record<string, string>>> => {
  const { status, metadata } = await kube.get<Reported>(route(ns, name, ''));
  if (status?.observedGeneration !== metadata.generation) return {};
  return Object.fromEntries(status.conditions.map(({ type, status: value }) => [type, value]));
};

/** The exit code, and what was said. */
const wait = (kube: Cluster, ...args: readonly string[]): Promise<readonly [number, string]> =>
  new Promise((resolve) => {
    const all = ['bin/banyan.js', 'wait', ...args, '--kubeconfig', kube.kubeconfig];
    execFile(process.execPath, all, (error, _, err) => resolve([error === null ? 0 : Number(error.code), err]));
  });

describe('what became of an object', () => {
  it('is written to it, and can be waited for', async () => {
    const kube = await cluster();
    const port = await openGateway(kube, 'told', 'istio-system');
    await serve(kube.kubeconfig, 'told', port);
    await kube.apply(route('told', 'a', 'a'));
    expect(await wait(kube, 'virtualservice/a', '-n', 'told')).toEqual([0, expect.stringContaining('is in service')]);
    expect(await conditions(kube, 'told', 'a')).toEqual({
      Accepted: 'True',
      Programmed: 'True',
      Conflicted: 'False',
      Frozen: 'False',
    });
    expect((await wait(kube, 'gateway/public', '-n', 'told'))[0]).toBe(0);
  });

  it('names the other owner and a request that both would answer', async () => {
    const kube = await cluster();
    const port = await openGateway(kube, 'met');
    await serve(kube.kubeconfig, 'met', port);
    await kube.apply(route('met', 'first', 'a', 'same.example.com'));
    await kube.apply(route('met', 'second', 'b', 'same.example.com'));
    await soon(async () => expect(await conditions(kube, 'met', 'second')).toMatchObject({ Conflicted: 'True' }));
    const { status } = await kube.get<Reported>(route('met', 'second', ''));
    const message = status?.conditions.find(({ type }) => type === 'Conflicted')?.message;
    expect(message).toContain('VirtualService met/first');
    expect(message).toContain('GET http://same.example.com/');
  });

  it('says that a version is refused and the last good one serves', async () => {
    const kube = await cluster();
    const port = await openGateway(kube, 'frozen');
    const served = await serve(kube.kubeconfig, 'frozen', port);
    await kube.apply(route('frozen', 'a', 'good'));
    expect((await wait(kube, 'vs/a', '-n', 'frozen'))[0]).toBe(0);
    const broken = { hosts: ['a.example.com'], gateways: ['frozen/public'], http: [{ timeout: '1 parsec' }] };
    await kube.apply({ ...route('frozen', 'a', ''), spec: broken });
    expect(await wait(kube, 'vs/a', '-n', 'frozen')).toEqual([1, expect.stringContaining('parsec')]);
    await soon(async () =>
      expect(await conditions(kube, 'frozen', 'a')).toMatchObject({
        Accepted: 'False',
        Programmed: 'False',
        Frozen: 'True',
      }),
    );
    expect((await served.ask('a.example.com')).body).toBe('good');
  });

  it('is taken back where the namespace is not read any more', async () => {
    const kube = await cluster();
    const port = await openGateway(kube, 'chosen', 'unchosen');
    await kube.apply(namespace('unchosen', { chosen: 'yes' }));
    const own = ['--namespace-selector', 'chosen=yes', '--gateway-namespace', 'chosen'];
    const served = await serve(kube.kubeconfig, 'chosen', port, ...own);
    const object = route('unchosen', 'a', 'a');
    await kube.apply({ ...object, spec: route('chosen', 'a', 'a')['spec'] });
    expect((await wait(kube, 'vs/a', '-n', 'unchosen'))[0]).toBe(0);
    await kube.apply(namespace('unchosen'));
    await soon(async () => expect((await served.ask('a.example.com')).status).toBe(404));
    await soon(async () => expect(await conditions(kube, 'unchosen', 'a')).toMatchObject({ Programmed: 'False' }));
    const told = await wait(kube, 'vs/a', '-n', 'unchosen', '--timeout', '5');
    expect(told).toEqual([1, expect.stringContaining('does not read the namespace')]);
    await kube.apply(namespace('unchosen', { chosen: 'yes' }));
    expect((await wait(kube, 'vs/a', '-n', 'unchosen'))[0]).toBe(0);
  });

  it('is an event, which is counted up when it happens again', async () => {
    const kube = await cluster();
    const port = await openGateway(kube, 'event');
    await serve(kube.kubeconfig, 'event', port);
    const broken = { hosts: ['a.example.com'], gateways: ['event/public'], http: [{ timeout: '1 parsec' }] };
    for (let i = 0; i < 2; i++) {
      await kube.apply(route('event', 'a', 'good'));
      expect((await wait(kube, 'vs/a', '-n', 'event'))[0]).toBe(0);
      await kube.apply({ ...route('event', 'a', ''), spec: broken });
      expect((await wait(kube, 'vs/a', '-n', 'event'))[0]).toBe(1);
    }
    const told = async () => {
      const { items } = JSON.parse(await kube.kubectl('get', 'events', '-n', 'event', '-o', 'json')) as Events;
      return items.map(
        ({ type, reason, count, involvedObject }) => `${involvedObject.name} ${type} ${reason} ${count}`,
      );
    };
    await soon(async () =>
      expect(await told()).toEqual(expect.arrayContaining(['a Warning Invalid 2', 'a Normal Accepted 1'])),
    );
  });

  it('is written once by two replicas, and not again while nothing changes', async () => {
    const kube = await cluster();
    const [port, other] = [await openGateway(kube, 'calm', 'calm-system'), await freePort()];
    const own = ['--gateway-namespace', 'calm-system'];
    await serve(kube.kubeconfig, 'calm', port, ...own);
    await serve(kube.kubeconfig, 'calm', port, '--port-offset', String(Math.abs(other - port) % 1_000 || 1), ...own);
    await kube.apply(route('calm', 'a', 'a'));
    expect((await wait(kube, 'vs/a', '-n', 'calm'))[0]).toBe(0);
    const version = async () => (await kube.get<Reported>(route('calm', 'a', ''))).metadata.resourceVersion;
    const before = await version();
    await new Promise((resume) => setTimeout(resume, 4_000));
    expect(await version()).toBe(before);
  });
});
