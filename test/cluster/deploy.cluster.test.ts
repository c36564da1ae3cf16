import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { build, DEPLOY, find, KUSTOMIZATIONS, type Manifest } from '../unit/deploy/manifests.ts';
import { defaultValues, renderChart } from '../unit/deploy/render-chart.ts';
import { cluster, openGateway, route, serve, soon } from './cluster.ts';
import { kubeconfigOf, temporaryFolder } from './service-account.ts';

const run = promisify(execFile);
const kubectl = (...args: readonly string[]) => run(inject('kubectl'), ['--kubeconfig', inject('kubeconfig'), ...args]);

/** As the API server would take them, strictly; nothing is kept. */
async function dryRun(objects: readonly Manifest[]): Promise<{ readonly stdout: string; readonly stderr: string }> {
  const file = path.join(temporaryFolder(), 'objects.json');
  writeFileSync(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
  return kubectl('apply', '--server-side', '--force-conflicts', '--dry-run=server', '--validate=strict', '-f', file);
}

beforeAll(async () => {
  await kubectl('apply', '--server-side', '-f', path.join(import.meta.dirname, 'cert-manager.yaml'));
  await soon(() => kubectl('wait', '--for=condition=Established', 'crd', '--all'));
  const file = (name: string) => ['-f', path.join(DEPLOY, 'base', name)];
  await kubectl('apply', '--server-side', ...file('namespace.yaml'));
  const rights = ['service-account.yaml', 'cluster-role.yaml', 'role.yaml', 'team-role.yaml'].flatMap(file);
  await kubectl('apply', '--server-side', '--namespace', 'banyan-system', ...rights);
});

describe('manifests', () => {
  it.each(KUSTOMIZATIONS)('of %s are accepted by the API server, without a warning', async (folder) => {
    const objects = build(folder);
    const { stdout, stderr } = await dryRun(objects);
    expect(stderr).toBe('');
    expect(stdout.trim().split('\n')).toHaveLength(objects.length);
  });

  it.each([false, true])('of the chart are accepted too, everything on: %s', async (everything) => {
    const values = defaultValues();
    values.redis.enabled = everything;
    values.admission.enabled = everything;
    values.admission.certManager = everything;
    const objects = renderChart(values).map((object) => {
      const namespaced = !/^Cluster|Webhook/.test(object.kind);
      return namespaced ? { ...object, metadata: { ...object.metadata, namespace: 'banyan-system' } } : object;
    });
    const { stdout, stderr } = await dryRun(objects);
    expect(stderr).toBe('');
    expect(stdout.trim().split('\n')).toHaveLength(objects.length);
  });

  it.each([
    ['unknown field', (spec: Manifest) => ({ ...spec, secretname: 'x' })],
    ['missing required field "issuerRef"', ({ issuerRef: _, ...spec }: Manifest) => spec],
    ['Unsupported value: "server-auth"', (spec: Manifest) => ({ ...spec, usages: ['server-auth'] })],
    [
      'no size that keys of this algorithm have',
      (spec: Manifest) => ({ ...spec, privateKey: { algorithm: 'ECDSA', size: 255 } }),
    ],
    ['less than the certificate lasts', (spec: Manifest) => ({ ...spec, renewBefore: spec.duration })],
  ])('would not be accepted with a wrong Certificate: %s', async (why, change) => {
    const certificate = find(build('overlays/production'), 'Certificate', 'banyan-admission');
    await expect(dryRun([{ ...certificate, spec: change(certificate.spec) }])).rejects.toThrow(why);
  });

  it('make Pods that the namespace takes, which takes no others', async () => {
    for (const { kind, metadata, spec } of build('overlays/production')) {
      if (kind !== 'Deployment') continue;
      // Classes of priority are not there without their object.
      const { priorityClassName: _, ...pod } = spec.template.spec;
      const object = (change: object): Manifest => ({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: metadata.name, namespace: 'banyan-system', labels: spec.template.metadata.labels },
        spec: { ...pod, topologySpreadConstraints: undefined, ...change },
      });
      const { stderr } = await dryRun([object({})]);
      expect(stderr).toBe('');
      for (const change of [{ hostNetwork: true }, { securityContext: {} }])
        await expect(dryRun([object(change)])).rejects.toThrow(/violates PodSecurity "restricted/);
    }
  });
});

describe('the rights of the gateway', () => {
  it('are enough to serve routes, and to tell what became of them', async () => {
    const kube = await cluster();
    const port = await openGateway(kube, 'rights');
    await kube.apply(route('rights', 'shop', 'sold'));
    const kubeconfig = await kubeconfigOf(kube, 'banyan-system', 'banyan');
    const own = ['--gateway-namespace', 'banyan-system', '--state-dir', temporaryFolder()];
    const served = await serve(kubeconfig, 'rights', port, ...own);
    await soon(async () => expect((await served.ask('shop.example.com')).body).toBe('sold'));
    await soon(async () => {
      const { status } = await kube.get<Manifest>(route('rights', 'shop', 'sold'));
      expect(status?.conditions).toContainEqual(expect.objectContaining({ type: 'Programmed', status: 'True' }));
    });
    expect(served.log()).not.toMatch(/forbidden|denied|cannot be written/i);
    await served.stop();
  });

  it.each([
    ['yes', 'list virtualservices.networking.istio.io --all-namespaces'],
    ['yes', 'patch virtualservices.networking.istio.io --subresource=status --namespace default'],
    ['yes', 'watch secrets --namespace banyan-system'],
    ['yes', 'create events --namespace default'],
    ['yes', 'patch events --namespace default'],
    ['no', 'list events --namespace default'],
    ['yes', 'patch leases.coordination.k8s.io/banyan-status --namespace banyan-system'],
    ['no', 'list secrets --all-namespaces'],
    ['no', 'get secrets --namespace default'],
    ['no', 'patch virtualservices.networking.istio.io --namespace default'],
    ['no', 'patch leases.coordination.k8s.io/other --namespace banyan-system'],
    ['no', 'create pods --namespace banyan-system'],
    ['no', 'create secrets --namespace banyan-system'],
    ['no', 'escalate clusterroles.rbac.authorization.k8s.io'],
    ['no', 'impersonate users'],
  ])('%s: %s', async (expected, question) => {
    const kubeconfig = await kubeconfigOf(await cluster(), 'banyan-system', 'banyan');
    // It exits with 1 where the answer is no.
    const answer = await run(inject('kubectl'), [
      '--kubeconfig',
      kubeconfig,
      'auth',
      'can-i',
      ...question.split(' '),
    ]).catch((error: { readonly stdout: string }) => error);
    expect(answer.stdout.trim()).toBe(expected);
  });
});
