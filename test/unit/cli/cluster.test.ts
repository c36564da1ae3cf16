import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  type FakeApi,
  GATEWAYS,
  refuse,
  VIRTUAL_SERVICES,
  virtualService,
  when,
} from '../sources/kubernetes/fake-api.ts';
import { fakeApi } from '../sources/kubernetes/support.ts';
import { run } from './run.ts';

const GATEWAY = {
  metadata: { name: 'public', namespace: 'infra' },
  spec: {
    selector: { istio: 'ingressgateway' },
    servers: [{ port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['*/*'] }],
  },
};

function kubeconfigOf(server: string, insecure = true): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'banyan-kubeconfig-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'kubeconfig');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'c',
    clusters: [{ name: 'c', cluster: { server, 'insecure-skip-tls-verify': insecure } }],
    users: [{ name: 'u', user: { token: 'secret' } }],
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'u', namespace: 'shop' } }],
  };
  writeFileSync(file, JSON.stringify(config));
  return file;
}

async function cluster(): Promise<{ readonly api: FakeApi; readonly flags: readonly string[] }> {
  const api = await fakeApi();
  api.put(GATEWAYS, GATEWAY);
  return { api, flags: ['--kubeconfig', kubeconfigOf(api.access.server)] };
}

const condition = (type: string, status: string, observedGeneration: number, message = type) => ({
  type,
  status,
  observedGeneration,
  message,
});

describe('a cluster from a prompt', () => {
  it('is listed and explained like a directory, with the kubeconfig’s token', async () => {
    const { api, flags } = await cluster();
    api.put(VIRTUAL_SERVICES, virtualService('cart'));
    const listed = await run(['routes', '--kubernetes', ...flags, '-o', 'wide']);
    expect(listed).toMatchObject({ code: 0, err: '' });
    expect(listed.out).toMatch(/ VirtualService shop\/cart +shop\/cart\/0\n/);
    expect((await run(['explain', 'GET http://cart.example.com/', '--kubernetes', ...flags])).code).toBe(0);
    expect(api.calls[0]?.headers.authorization).toBe('Bearer secret');
  });

  it('is checked, with the object where a directory has the file', async () => {
    const { api, flags } = await cluster();
    api.put(VIRTUAL_SERVICES, { ...virtualService('cart'), spec: { htpp: [] } });
    const ran = await run(['check', '--kubernetes', ...flags]);
    expect(ran.code).toBe(1);
    expect(ran.out).toMatch(/^VirtualService shop\/cart: error\[unknown-field\] .*\n {2}spec\.htpp\n/);
    const json = await run(['check', '--kubernetes', ...flags, '-o', 'json']);
    expect(JSON.parse(json.out).diagnostics[0]).toMatchObject({
      file: 'VirtualService/shop/cart',
      code: 'unknown-field',
    });
    expect(JSON.parse(json.out).diagnostics[0]).not.toHaveProperty('line');
    const github = await run(['check', '--kubernetes', ...flags, '-o', 'github']);
    expect(github.out).toMatch(/^::error title=unknown-field::VirtualService shop\/cart: /);
    expect(ran.err).toContain('the cluster');
  });

  it('is named where it is told how to see what is wrong in it', async () => {
    const { api, flags } = await cluster();
    api.put(VIRTUAL_SERVICES, { ...virtualService('cart'), spec: { htpp: [] } });
    const folder = mkdtempSync(path.join(tmpdir(), 'banyan-routes-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const alone = await run(['routes', '--kubernetes', ...flags]);
    expect(alone.err).toContain('there is an error in the cluster; see `banyan check --kubernetes`');
    const both = await run(['routes', '--kubernetes', '--dir', folder, ...flags]);
    expect(both.err).toContain(`in ${folder} and the cluster; see \`banyan check ${folder} --kubernetes\``);
  });

  it('is not read for half a minute where it is refused', async () => {
    const { api, flags } = await cluster();
    api.faults.push(
      when(
        ({ path: asked }) => asked === VIRTUAL_SERVICES,
        (to) => refuse(to, 403, 'Forbidden'),
      ),
    );
    const ran = await run(['check', '--kubernetes', ...flags]);
    expect(ran).toMatchObject({ code: 2, out: '' });
    expect(ran.err).toContain('cannot be read');
    expect(ran.err).toContain('it may not be asked for VirtualService: refused: Forbidden');
  });

  it('is said to refuse everything in one line', async () => {
    const { api, flags } = await cluster();
    api.faults.push(
      when(
        ({ path: asked }) => asked.includes('.istio.io/v1/'),
        (to) => refuse(to, 403, 'Forbidden'),
      ),
    );
    const ran = await run(['check', '--kubernetes', ...flags]);
    expect(ran.err.trim().split('\n')).toEqual([
      expect.stringMatching(/cannot be read$/),
      expect.stringMatching(/it may not be asked for Gateway, VirtualService, .*: refused: Forbidden$/),
      expect.stringContaining('cluster-role.yaml'),
    ]);
  });

  it('is not waited for half a minute where it is away, or does not know who asks', async () => {
    const [away, strict] = await Promise.all([cluster(), cluster()]);
    await away.api.close();
    strict.api.faults.push(
      when(
        () => true,
        (to) => refuse(to, 401, 'Unauthorized'),
      ),
    );
    const all = await Promise.all([away, strict].map(({ flags }) => run(['routes', '--kubernetes', ...flags])));
    for (const [i, why] of [/\(discovery\): .*ECONNREFUSED/, /\(discovery\): refused: Unauthorized$/m].entries()) {
      expect(all[i]).toMatchObject({ code: 2, out: '', err: expect.stringMatching(why) });
      expect(all[i]?.err).not.toContain('tried again');
    }
  }, 20_000);

  it('is not asked without encryption, unless the kubeconfig says so', async () => {
    const file = kubeconfigOf('http://127.0.0.1:1', false);
    const ran = await run(['check', '--kubernetes', '--kubeconfig', file]);
    expect(ran.code).toBe(2);
    expect(ran.err).toContain('cannot be used');
  });

  it.each([
    ['no such kubeconfig', ['--kubeconfig', '/nowhere'], 'cannot be read'],
    ['neither directory nor cluster', [], 'there is nothing to read'],
  ])('is a mistake of the caller’s: %s', async (_, flags, message) => {
    const ran = await run(['check', ...(flags.length > 0 ? ['--kubernetes', ...flags] : [])]);
    expect(ran.code).toBe(2);
    expect(ran.err).toContain(message);
  });
});

describe('banyan wait', () => {
  it('ends when what the object says now is in service', async () => {
    const { api, flags } = await cluster();
    const cart = virtualService('cart');
    const old = { conditions: [condition('Programmed', 'True', 0)] };
    api.put(VIRTUAL_SERVICES, { ...cart, status: old });
    setTimeout(() => {
      const conditions = [condition('Accepted', 'True', 1), condition('Programmed', 'True', 1, 'all of it')];
      api.put(VIRTUAL_SERVICES, { ...cart, status: { conditions, banyan: { revision: 'r7', replicas: '2/2' } } });
    }, 100);
    const ran = await run(['wait', 'virtualservice/cart', ...flags]);
    expect(ran).toMatchObject({
      code: 0,
      err: '✔ VirtualService shop/cart is in service: all of it (revision r7, replicas 2/2)\n',
    });
  });

  it('ends at once when the object is refused', async () => {
    const { api, flags } = await cluster();
    const conditions = [condition('Accepted', 'False', 1, 'spec.htpp: no such field')];
    api.put(VIRTUAL_SERVICES, { ...virtualService('cart'), status: { conditions } });
    const ran = await run(['wait', 'vs/cart', '-n', 'shop', ...flags]);
    expect(ran).toMatchObject({
      code: 1,
      err: '✖ VirtualService shop/cart is not in service: spec.htpp: no such field\n',
    });
  });

  it('ends at once when the object has expired', async () => {
    const { api, flags } = await cluster();
    const expired = { ...condition('Programmed', 'False', 1, 'it was good until yesterday'), reason: 'Expired' };
    api.put(VIRTUAL_SERVICES, { ...virtualService('cart'), status: { conditions: [expired] } });
    const ran = await run(['wait', 'vs/cart', ...flags]);
    expect(ran).toMatchObject({
      code: 1,
      err: '✖ VirtualService shop/cart is not in service: it was good until yesterday\n',
    });
  });

  it('says so when only a part of the object is in service', async () => {
    const { api, flags } = await cluster();
    const partly = { ...condition('Programmed', 'True', 1, 'nobody provides cart.shop'), reason: 'PartlyServing' };
    const status = { conditions: [partly], banyan: { revision: 'r7', replicas: '2/2' } };
    api.put(VIRTUAL_SERVICES, { ...virtualService('cart'), status });
    const ran = await run(['wait', 'vs/cart', ...flags]);
    expect(ran).toMatchObject({
      code: 0,
      err: '⚠ VirtualService shop/cart is in service, but not all of it: nobody provides cart.shop (revision r7, replicas 2/2)\n',
    });
  });

  it.each(['0', '0s', '0m'])('ends when the time is over, with what is known: %s', async (timeout) => {
    const { api, flags } = await cluster();
    api.put(VIRTUAL_SERVICES, {
      ...virtualService('cart'),
      status: { conditions: [condition('Programmed', 'False', 1, 'no listener takes it')] },
    });
    const ran = await run(['wait', 'vs/cart', '--timeout', timeout, ...flags]);
    expect(ran.code).toBe(1);
    expect(ran.err).toContain('after 0 s: no listener takes it');
  });

  it.each([
    ['an object that is not there', ['vs/none'], 1, 'no such object'],
    ['a kind without such a status', ['service/cart'], 2, 'nothing is written to the status'],
    ['a slip in the kind', ['virtualservise/cart'], 2, 'did you mean virtualservice'],
    ['no name', ['virtualservice'], 2, 'not of the form'],
    ['no number', ['vs/cart', '--timeout', 'soon'], 2, 'no number of seconds and no duration'],
    ['a time that is over before it began', ['vs/cart', '--timeout', '-5s'], 2, 'no duration'],
  ])('says what is wrong: %s', async (_, args, code, message) => {
    const { flags } = await cluster();
    const ran = await run(['wait', ...args, ...flags]);
    expect(ran.code).toBe(code);
    expect(ran.err).toContain(message);
  });
});
