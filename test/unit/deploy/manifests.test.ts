import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { allObjects, build, DEPLOY, filesBelow, find, KUSTOMIZATIONS, kubectl, read } from './manifests.ts';

/** What is served by every Kubernetes from 1.30 on, without anything installed; and cert-manager, which one component is for. */
const API_VERSIONS: Readonly<Record<string, readonly string[]>> = {
  v1: ['ConfigMap', 'Namespace', 'Service', 'ServiceAccount'],
  'apps/v1': ['Deployment'],
  'autoscaling/v2': ['HorizontalPodAutoscaler'],
  'policy/v1': ['PodDisruptionBudget'],
  'networking.k8s.io/v1': ['NetworkPolicy'],
  'rbac.authorization.k8s.io/v1': ['ClusterRole', 'ClusterRoleBinding', 'Role', 'RoleBinding'],
  'scheduling.k8s.io/v1': ['PriorityClass'],
  'admissionregistration.k8s.io/v1': ['ValidatingWebhookConfiguration'],
  'cert-manager.io/v1': ['Issuer', 'Certificate'],
};

describe('manifests', () => {
  it('are sound YAML, of kinds and versions that clusters have', () => {
    const objects = allObjects();
    expect(objects.length).toBeGreaterThan(20);
    for (const { apiVersion, kind, metadata } of objects) {
      expect(API_VERSIONS[apiVersion], apiVersion).toContain(kind);
      expect(metadata.name).toMatch(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/);
    }
  });

  it('have no name twice', () => {
    const names = allObjects().map(({ kind, metadata }) => `${kind}/${metadata.name}`);
    expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
  });

  it('are each named by the kustomization of their folder', () => {
    const folders = new Set(['base', 'components', 'overlays'].flatMap(filesBelow).map((file) => path.dirname(file)));
    expect(folders.size).toBeGreaterThan(4);
    for (const folder of folders) {
      const [kustomization] = read(`${folder}/kustomization.yaml`);
      const named = [
        'kustomization.yaml',
        ...(kustomization.resources ?? []),
        ...(kustomization.patches ?? []).map((patch: { path: string }) => patch.path),
        ...(kustomization.configMapGenerator ?? []).flatMap((one: { files: string[] }) => one.files),
      ]
        .map(String)
        .filter((name) => !name.startsWith('../'));
      expect(named.toSorted(), folder).toEqual(
        filesBelow(folder)
          .map((file) => path.basename(file))
          .toSorted(),
      );
    }
  });

  it('name an image of the version that this is', () => {
    const { version } = JSON.parse(readFileSync(path.join(DEPLOY, '..', 'package.json'), 'utf8')) as {
      version: string;
    };
    expect(read('base/kustomization.yaml')[0].images).toEqual([{ name: 'banyan', newTag: version }]);
  });
});

describe.skipIf(kubectl === undefined)('kustomizations', () => {
  it.each(KUSTOMIZATIONS)('%s builds, every object where it belongs', (folder) => {
    const objects = build(folder);
    const clusterWide = [
      'Namespace',
      'ClusterRole',
      'ClusterRoleBinding',
      'PriorityClass',
      'ValidatingWebhookConfiguration',
    ];
    for (const { kind, metadata } of objects)
      expect(metadata.namespace, `${kind} ${metadata.name}`).toBe(
        clusterWide.includes(kind) ? undefined : 'banyan-system',
      );
    const settings = objects.find(({ kind }) => kind === 'ConfigMap').metadata.name;
    expect(find(objects, 'Deployment', 'banyan').spec.template.spec.volumes).toContainEqual({
      name: 'settings',
      configMap: { name: settings },
    });
  });

  it('give development one small replica, and nothing that scales or protects it', () => {
    const objects = build('overlays/development');
    expect(find(objects, 'Deployment', 'banyan').spec.replicas).toBe(1);
    const kinds = objects.map(({ kind }) => kind);
    expect(kinds).not.toContain('HorizontalPodAutoscaler');
    expect(kinds).not.toContain('PodDisruptionBudget');
  });

  it('give production replicas apart from each other, shared limits and a webhook', () => {
    const objects = build('overlays/production');
    expect(find(objects, 'HorizontalPodAutoscaler', 'banyan').spec.minReplicas).toBeGreaterThanOrEqual(3);
    const { spec } = find(objects, 'Deployment', 'banyan').spec.template;
    expect(spec.topologySpreadConstraints).toHaveLength(2);
    for (const constraint of spec.topologySpreadConstraints)
      expect(constraint).toMatchObject({ maxSkew: 1, whenUnsatisfiable: 'DoNotSchedule' });
    expect(spec.priorityClassName).toBe(find(objects, 'PriorityClass', 'banyan-gateway').metadata.name);
    const variables = spec.containers[0].env.map(({ name }: { name: string }) => name);
    // A variable is put into another only when it comes before it.
    expect(variables.indexOf('REDIS_PASSWORD')).toBeGreaterThanOrEqual(0);
    expect(variables.indexOf('REDIS_PASSWORD')).toBeLessThan(variables.indexOf('BANYAN_REDIS_URL'));
    expect(find(objects, 'ValidatingWebhookConfiguration', 'banyan').metadata.annotations).toEqual({
      'cert-manager.io/inject-ca-from': 'banyan-system/banyan-admission',
    });
  });
});
