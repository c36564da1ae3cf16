import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { cluster, freePort, gateway, namespace, openGateway, route, type Served, serve, soon } from './cluster.ts';
import { startKube } from './start-kube.ts';

const answers = (served: Served, host: string, text: string) =>
  soon(async () => expect((await served.ask(host)).body).toBe(text));
const isNotFound = (served: Served, host: string) =>
  soon(async () => expect((await served.ask(host)).status).toBe(404));

describe('routes of a cluster', () => {
  it('are served, changed and taken away', async () => {
    const kube = await cluster();
    const port = await openGateway(kube, 'life');
    await kube.apply(route('life', 'one', 'first'));
    const served = await serve(kube.kubeconfig, 'life', port);
    await answers(served, 'one.example.com', 'first');
    await kube.apply(route('life', 'one', 'second'));
    await answers(served, 'one.example.com', 'second');
    // A rename is one gone and another come.
    await kube.apply(route('life', 'two', 'renamed', 'one.example.com'));
    await kube.delete(route('life', 'one', ''));
    await answers(served, 'one.example.com', 'renamed');
    await kube.delete(route('life', 'two', ''));
    await isNotFound(served, 'one.example.com');
  });

  it('go with their namespace', async () => {
    const kube = await cluster();
    const port = await openGateway(kube, 'stays', 'goes');
    await kube.apply(route('stays', 'a', 'a'));
    await kube.apply({ ...route('stays', 'b', 'b'), metadata: { name: 'b', namespace: 'goes' } });
    const served = await serve(kube.kubeconfig, 'stays', port);
    await answers(served, 'b.example.com', 'b');
    await kube.delete(namespace('goes'));
    await isNotFound(served, 'b.example.com');
    expect((await served.ask('a.example.com')).body).toBe('a');
  });

  it('reach services whose addresses the cluster gives', async () => {
    const upstream = createServer((_, response) => response.end('from the service'));
    await new Promise<void>((done) => upstream.listen(0, '127.0.0.1', done));
    onTestFinished(() => void upstream.close());
    const kube = await cluster();
    const port = await openGateway(kube, 'reach');
    // The API server refuses loopback addresses in EndpointSlices; a ServiceEntry may name one.
    const number = (upstream.address() as AddressInfo).port;
    await kube.apply({
      apiVersion: 'networking.istio.io/v1',
      kind: 'ServiceEntry',
      metadata: { name: 'backend', namespace: 'reach' },
      spec: {
        hosts: ['backend.internal'],
        ports: [{ number: 80, name: 'http', protocol: 'HTTP', targetPort: number }],
        resolution: 'STATIC',
        endpoints: [{ address: '127.0.0.1' }],
      },
    });
    await kube.apply({
      ...route('reach', 'x', ''),
      spec: {
        hosts: ['x.example.com'],
        gateways: ['reach/public'],
        http: [{ route: [{ destination: { host: 'backend.internal', port: { number: 80 } } }] }],
      },
    });
    const served = await serve(kube.kubeconfig, 'reach', port);
    await answers(served, 'x.example.com', 'from the service');
  });

  it('are listed, explained and checked from a prompt', async () => {
    const kube = await cluster();
    await kube.apply(namespace('prompt'));
    await kube.apply(gateway('prompt', 80));
    await kube.apply(route('prompt', 'asked', 'yes'));
    const banyan = async (...args: readonly string[]): Promise<string> => {
      const flags = ['--kubernetes', '--kubeconfig', kube.kubeconfig, '--gateway-labels', 'istio=prompt'];
      const { stdout } = await promisify(execFile)(process.execPath, ['bin/banyan.js', ...args, ...flags]);
      return stdout;
    };
    expect(await banyan('routes', '-o', 'wide')).toContain('VirtualService prompt/asked');
    expect(await banyan('explain', 'GET http://asked.example.com/')).toContain('prompt/asked');
    expect(JSON.parse(await banyan('check', '-o', 'json'))).toMatchObject({ diagnostics: expect.any(Array) });
  });
});

describe('an API server of the real kind', () => {
  it('may be restarted, with its etcd or without, and may be away when the gateway starts', async () => {
    const own = await startKube();
    onTestFinished(() => own.stop());
    const kube = await cluster(own.kubeconfig);
    const stateDir = mkdtempSync(path.join(tmpdir(), 'banyan-state-'));
    onTestFinished(() => rmSync(stateDir, { recursive: true, force: true }));
    const port = await openGateway(kube, 'hard');
    await kube.apply(route('hard', 'a', 'a'));
    const first = await serve(own.kubeconfig, 'hard', port, '--state-dir', stateDir);
    await answers(first, 'a.example.com', 'a');

    await own.stopApiserver();
    expect((await first.ask('a.example.com')).body).toBe('a');
    await own.startApiserver();
    await kube.apply(route('hard', 'b', 'b'));
    await answers(first, 'b.example.com', 'b');
    await own.restart();
    expect((await first.ask('a.example.com')).body).toBe('a');
    await kube.apply(route('hard', 'b', 'after etcd'));
    await answers(first, 'b.example.com', 'after etcd');

    await own.stopApiserver();
    await first.stop();
    const second = await serve(own.kubeconfig, 'hard', port, '--state-dir', stateDir);
    await answers(second, 'b.example.com', 'after etcd');
    await own.startApiserver();
    await kube.apply(route('hard', 'c', 'c'));
    await answers(second, 'c.example.com', 'c');
  });

  it('is read without the kinds whose CRDs come later', async () => {
    const own = await startKube();
    onTestFinished(() => own.stop());
    const kube = await cluster(own.kubeconfig);
    const port = await freePort();
    await kube.kubectl('delete', 'crd', 'serviceentries.networking.istio.io', 'virtualservices.networking.istio.io');
    await kube.apply(namespace('late'));
    await kube.apply(gateway('late', port));
    const served = await serve(own.kubeconfig, 'late', port);
    await isNotFound(served, 'a.example.com');
    await kube.kubectl('apply', '--server-side', '-f', 'deploy/crds/istio');
    await kube.kubectl('wait', '--for=condition=Established', 'crd', '--all');
    await kube.apply(route('late', 'a', 'a'));
    await answers(served, 'a.example.com', 'a');
  });
});

describe('rights', () => {
  /** A kubeconfig of a ServiceAccount with these rules, in one namespace or in all. */
  const account = async (name: string, rules: readonly object[], where: 'namespace' | 'cluster'): Promise<string> => {
    const kube = await cluster();
    await kube.apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace: name } });
    const [role, binding] = where === 'cluster' ? ['ClusterRole', 'ClusterRoleBinding'] : ['Role', 'RoleBinding'];
    const at = where === 'cluster' ? { name } : { name, namespace: name };
    const apiVersion = 'rbac.authorization.k8s.io/v1';
    await kube.apply({ apiVersion, kind: role as string, metadata: at, rules });
    await kube.apply({
      apiVersion,
      kind: binding as string,
      metadata: at,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: role, name },
      subjects: [{ kind: 'ServiceAccount', name, namespace: name }],
    });
    const token = (await kube.kubectl('create', 'token', name, '-n', name)).trim();
    const dir = mkdtempSync(path.join(tmpdir(), 'banyan-account-'));
    onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
    const file = path.join(dir, 'kubeconfig');
    await promisify(execFile)('cp', [kube.kubeconfig, file]);
    const set = async (...args: readonly string[]) =>
      promisify(execFile)(inject('kubectl'), ['--kubeconfig', file, 'config', ...args]);
    await set('set-credentials', 'account', `--token=${token}`);
    await set('set-context', '--current', '--user=account');
    return file;
  };

  it('of a team end at its namespace, and its routes live', async () => {
    const kube = await cluster();
    const port = await openGateway(kube, 'net', 'team', 'other');
    const rules = [
      {
        apiGroups: ['networking.istio.io'],
        resources: ['virtualservices', 'destinationrules'],
        verbs: ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'],
      },
    ];
    const team = await cluster(await account('team', rules, 'namespace'));
    const served = await serve(kube.kubeconfig, 'net', port);
    const own = route('net', 'mine', 'mine');
    await team.apply({ ...own, metadata: { name: 'mine', namespace: 'team' } });
    await answers(served, 'mine.example.com', 'mine');
    const refused = expect.objectContaining({ status: 403 });
    await expect(team.apply({ ...own, metadata: { name: 'mine', namespace: 'other' } })).rejects.toEqual(refused);
    await expect(team.apply(gateway('team', port))).rejects.toEqual(refused);
    await expect(
      team.apply({
        apiVersion: 'security.istio.io/v1',
        kind: 'AuthorizationPolicy',
        metadata: { name: 'open', namespace: 'team' },
        spec: {},
      }),
    ).rejects.toEqual(refused);
  });

  it('that the gateway lacks are told, and waited for', async () => {
    const kube = await cluster();
    const port = await openGateway(kube, 'denied');
    await kube.apply(route('denied', 'a', 'a'));
    const rules = (extra: readonly string[]) => [
      { apiGroups: [''], resources: ['services'], verbs: ['list', 'watch'] },
      { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list', 'watch'] },
      { apiGroups: ['networking.istio.io', 'banyan.dev'], resources: ['*'], verbs: ['list', 'watch'] },
      ...(extra.length > 0 ? [{ apiGroups: ['security.istio.io'], resources: extra, verbs: ['list', 'watch'] }] : []),
    ];
    const kubeconfig = await account('denied', rules([]), 'cluster');
    const served = await serve(kubeconfig, 'denied', port, '--write-status', 'no');
    await soon(() => expect(served.log()).toContain('requestauthentications.security.istio.io is forbidden'));
    await expect(served.ask('a.example.com')).rejects.toThrow('ECONNREFUSED');
    const role = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name: 'denied' } };
    await kube.apply({ ...role, rules: rules(['requestauthentications', 'authorizationpolicies']) });
    // Secrets and Pods stay refused, which only those who use them notice.
    await answers(served, 'a.example.com', 'a');
  });
});
