import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import type { ApiError } from '../../src/sources/kubernetes.ts';
import { DEPLOY } from '../unit/deploy/manifests.ts';
import { type Applied, type Cluster, cluster, gateway, namespace, openGateway, route, serve, soon } from './cluster.ts';
import { kubeconfigOf } from './service-account.ts';

/** Somebody with Kubernetes' own `edit` in one namespace, and nothing else: what a pipeline of a team has. */
async function team(kube: Cluster, name: string): Promise<Cluster> {
  await kube.apply(namespace(name));
  await kube.apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'pipeline', namespace: name } });
  await kube.apply({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: { name: 'pipeline', namespace: name },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'edit' },
    subjects: [{ kind: 'ServiceAccount', name: 'pipeline', namespace: name }],
  });
  return cluster(await kubeconfigOf(kube, name, 'pipeline'));
}

const object = (apiVersion: string, kind: string, ns: string, spec: object): Applied => ({
  apiVersion,
  kind,
  metadata: { name: 'own', namespace: ns },
  spec,
});

const refused = (attempt: Promise<unknown>): Promise<string> =>
  attempt.then(
    () => 'accepted',
    ({ status, message }: ApiError) => `${status} ${message}`,
  );

beforeAll(async () => {
  const roles = path.join(DEPLOY, 'base', 'team-role.yaml');
  await promisify(execFile)(inject('kubectl'), [
    '--kubeconfig',
    inject('kubeconfig'),
    'apply',
    '--server-side',
    '-f',
    roles,
  ]);
});

describe('a team with rights in one namespace', () => {
  it('has its routes served, and changes them', async () => {
    const kube = await cluster();
    const pipeline = await team(kube, 'cart');
    const port = await openGateway(kube, 'edge');
    const own = (text: string): Applied => {
      const { spec, ...rest } = route('cart', 'cart', text);
      return { ...rest, spec: { ...(spec as object), gateways: ['edge/public'] } };
    };
    // The right is added to `edit` by a controller.
    await soon(() => pipeline.apply(own('first')));
    const served = await serve(inject('kubeconfig'), 'edge', port);
    await soon(async () => expect((await served.ask('cart.example.com')).body).toBe('first'));
    await pipeline.apply(own('second'));
    await soon(async () => expect((await served.ask('cart.example.com')).body).toBe('second'));
    await pipeline.delete(own('second'));
    await soon(async () => expect((await served.ask('cart.example.com')).status).toBe(404));
    await served.stop();
  });

  it('is refused other namespaces, and what is the network team’s, by the API server', async () => {
    const kube = await cluster();
    const pipeline = await team(kube, 'own');
    await kube.apply(namespace('other'));
    await kube.apply(route('other', 'theirs', 'theirs'));
    await soon(() => pipeline.apply(route('own', 'mine', 'mine')));
    await expect(pipeline.apply(rule('own'))).resolves.toBeDefined();

    const forbidden: readonly Promise<unknown>[] = [
      pipeline.apply(route('other', 'mine', 'mine')),
      pipeline.apply(rule('other')),
      pipeline.delete(route('other', 'theirs', '')),
      pipeline.get(route('other', 'theirs', '')),
      pipeline.apply(gateway('own', 8080)),
      pipeline.apply(object('banyan.dev/v1alpha1', 'RateLimit', 'own', { rules: [] })),
      pipeline.apply(object('security.istio.io/v1', 'AuthorizationPolicy', 'own', {})),
      pipeline.apply(object('security.istio.io/v1', 'RequestAuthentication', 'own', {})),
      pipeline.apply(object('networking.istio.io/v1', 'ServiceEntry', 'own', { hosts: ['example.com'] })),
      pipeline.client.send('PATCH', '/apis/networking.istio.io/v1/namespaces/own/virtualservices/mine/status', {
        contentType: 'application/merge-patch+json',
        body: { status: { conditions: [] } },
      }),
      pipeline.client.send('GET', '/api/v1/namespaces/banyan-system/secrets'),
    ];
    for (const answer of await Promise.all(forbidden.map(refused))) expect(answer).toMatch(/^403 .*is forbidden: User/);
  });

  it('may see listeners and limits that are in its namespace', async () => {
    const kube = await cluster();
    const pipeline = await team(kube, 'sees');
    await kube.apply(gateway('sees', 8080));
    await soon(() => pipeline.get(gateway('sees', 8080)));
    await expect(
      pipeline.client.send('GET', '/apis/banyan.dev/v1alpha1/namespaces/sees/ratelimits'),
    ).resolves.toBeDefined();
  });
});

const rule = (ns: string): Applied =>
  object('networking.istio.io/v1', 'DestinationRule', ns, { host: `shop.${ns}.svc.cluster.local` });
