import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { buildAdmin } from '../../../src/admin/server.ts';
import { decodeMeshConfig } from '../../../src/resources/index.ts';
import { loadSettings, SETTINGS, type Settings } from '../../../src/settings.ts';
import { allObjects, build, find, KUSTOMIZATIONS, kubectl, type Manifest, read, textOf } from './manifests.ts';

interface Case {
  readonly name: string;
  readonly pod: Manifest;
  readonly files: Readonly<Record<string, string>>;
}

/** As written, and, where kubectl is, as built. */
function gateways(): readonly Case[] {
  const files = { 'settings.yaml': textOf('base/settings.yaml'), 'mesh.yaml': textOf('base/mesh.yaml') };
  const written = {
    name: 'as written',
    pod: find(read('base/deployment.yaml'), 'Deployment', 'banyan').spec.template,
    files,
  };
  if (kubectl === undefined) return [written];
  const built = KUSTOMIZATIONS.map((name) => {
    const objects = build(name);
    const settings = objects.find(({ kind }) => kind === 'ConfigMap');
    return { name, pod: find(objects, 'Deployment', 'banyan').spec.template, files: settings.data };
  });
  return [written, ...built];
}

const envOf = ({ spec }: Manifest): Readonly<Record<string, string>> =>
  Object.fromEntries(
    spec.containers[0].env.map((one: { name: string; value?: string }) => [one.name, one.value ?? 'banyan-system']),
  );

async function settingsOf({ pod, files }: Case): Promise<Settings> {
  const [, , file] = pod.spec.containers[0].args as string[];
  const outcome = await loadSettings({
    flags: {},
    file,
    env: envOf(pod),
    readFile: (name) => files[name.replace('/etc/banyan/', '')] as string,
  });
  if (!outcome.ok) throw new Error(outcome.error.join('\n'));
  expect(outcome.value.warnings).toEqual([]);
  return outcome.value.settings;
}

const MIB: Readonly<Record<string, number>> = { Mi: 1, Gi: 1024 };
const mebibytes = (text: string): number => Number.parseFloat(text) * (MIB[text.slice(-2)] as number);

describe('every Pod', () => {
  const pods = allObjects()
    .filter(({ kind }) => kind === 'Deployment')
    .map(({ metadata, spec }) => ({ name: metadata.name as string, selector: spec.selector, pod: spec.template }));

  it.each(pods)('of $name is confined: not root, nothing to write to, no capability, no new privileges', ({ pod }) => {
    expect(pod.spec.securityContext).toMatchObject({
      runAsNonRoot: true,
      runAsUser: 65532,
      runAsGroup: 65532,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    for (const key of ['hostNetwork', 'hostPID', 'hostIPC', 'initContainers']) expect(pod.spec[key]).toBeUndefined();
    for (const container of pod.spec.containers)
      expect(container.securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
  });

  it.each(pods)('of $name has bounds: memory, disk, and no limit of CPU', ({ pod }) => {
    for (const { resources } of pod.spec.containers) {
      expect(resources.limits.memory).toBe(resources.requests.memory);
      expect(resources.limits['ephemeral-storage']).toBeDefined();
      expect(resources.requests.cpu).toBeDefined();
      expect(resources.limits.cpu).toBeUndefined();
    }
    for (const volume of pod.spec.volumes)
      if (volume.emptyDir !== undefined) {
        const [container] = pod.spec.containers;
        const { limits } = container.resources;
        // What is in memory counts as the container's, whose heaps take 70 % of it.
        const most = volume.emptyDir.medium === 'Memory' ? mebibytes(limits.memory) / 5 : undefined;
        expect(mebibytes(volume.emptyDir.sizeLimit)).toBeLessThanOrEqual(
          most ?? mebibytes(limits['ephemeral-storage']),
        );
      }
  });

  it('keeps what was served, keys among it, on no disk', () => {
    const gateways = pods.filter(({ pod }) => pod.spec.volumes.some(({ name }: Manifest) => name === 'state'));
    expect(gateways.length).toBeGreaterThan(0);
    for (const { pod } of gateways)
      expect(pod.spec.volumes.find(({ name }: Manifest) => name === 'state').emptyDir.medium).toBe('Memory');
  });

  it.each(pods)('of $name is selected by its labels, and probed', ({ selector, pod }) => {
    expect(pod.metadata.labels).toMatchObject(selector.matchLabels);
    for (const container of pod.spec.containers)
      for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe']) expect(container[probe]).toBeDefined();
  });

  it('has no token of the API server, but for the gateway', () => {
    for (const { name, pod } of pods) expect(pod.spec.automountServiceAccountToken, name).toBe(name === 'banyan');
    expect(find(allObjects(), 'ServiceAccount', 'banyan').automountServiceAccountToken).toBe(false);
  });
});

describe.each(gateways())('the gateway, $name', (given) => {
  const { spec } = given.pod;
  const [container] = spec.containers;
  const ports: Readonly<Record<string, number>> = Object.fromEntries(
    container.ports.map((port: { name: string; containerPort: number }) => [port.name, port.containerPort]),
  );

  it('is given a command and settings that there are', async () => {
    const [command, ...flags] = container.args as string[];
    expect(command).toBe('serve');
    const known = ['--settings', ...SETTINGS.map(({ flag }) => `--${flag}`)];
    for (const flag of flags.filter((word) => word.startsWith('--'))) expect(known).toContain(flag);
    const settings = await settingsOf(given);
    expect(settings).toMatchObject({
      kubernetes: true,
      logFormat: 'json',
      gatewayNamespace: 'banyan-system',
      meshConfig: '/etc/banyan/mesh.yaml',
    });
  });

  it('has a mesh configuration without findings, whose root is its own namespace', () => {
    const mesh = decodeMeshConfig(read('base/mesh.yaml')[0], { file: 'mesh.yaml' } as never);
    expect(mesh.diagnostics).toEqual([]);
    expect(mesh.settings.rootNamespace).toBe('banyan-system');
  });

  it('listens on the ports that it names', async () => {
    const { portOffset, adminPort, adminAddress, admissionPort } = await settingsOf(given);
    expect(ports['http']).toBe(80 + portOffset);
    expect(ports['https']).toBe(443 + portOffset);
    expect(ports['admin']).toBe(adminPort);
    expect(adminAddress).toBe('0.0.0.0');
    expect(ports['admission'] ?? 0).toBe(admissionPort);
    for (const port of Object.values(ports)) expect(port).toBeGreaterThan(1023);
  });

  it('is probed at paths that answer', async () => {
    const admin = buildAdmin({
      hosts: [],
      readiness: () => ({ ready: true }),
      state: () => undefined,
      specs: [],
      portOffset: 0,
      registry: new Registry(),
    } as never);
    for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe']) {
      const { path, port } = container[probe].httpGet;
      expect(port).toBe('admin');
      // A kubelet calls by the Pod's address.
      const answer = await admin.inject({ method: 'GET', url: path, headers: { host: '10.1.2.3:9901' } });
      expect(answer.statusCode, path).toBe(200);
    }
    await admin.close();
  });

  it('has the time to let everybody finish', async () => {
    const { drainSeconds } = await settingsOf(given);
    const { seconds } = container.lifecycle.preStop.sleep;
    expect(seconds).toBeGreaterThan(0);
    // Two seconds are what closing may take after the drain.
    expect(spec.terminationGracePeriodSeconds).toBeGreaterThan(seconds + drainSeconds + 2);
  });

  it('leaves 30 % of its memory to buffers, whatever the number of processes', async () => {
    const { workers } = await settingsOf(given);
    // Not `auto`, which would count the cores of the node.
    expect(workers).toBeTypeOf('number');
    const processes = workers === 1 ? 1 : Number(workers) + 1;
    const options = envOf(given.pod)['NODE_OPTIONS'] as string;
    const percent = Number(/--max-old-space-size-percentage=(\d+)/.exec(options)?.[1]);
    expect(percent).toBe(Math.floor(70 / processes));
    expect(options).toContain('--disable-sigusr1');
    // Half of V8's own: a quarter less at the highest, while a large cluster is read (docs/kubernetes.md).
    expect(options).toContain('--max-semi-space-size=16');
  });

  it('saves what it serves where it may write', async () => {
    const { stateDir, admissionCerts } = await settingsOf(given);
    const writable = container.volumeMounts.filter((mount: { readOnly?: boolean }) => mount.readOnly !== true);
    expect(writable).toEqual([{ name: 'state', mountPath: stateDir }]);
    const mounts = container.volumeMounts.map((mount: { mountPath: string }) => mount.mountPath);
    if (admissionCerts !== undefined) expect(mounts).toContain(admissionCerts);
  });

  it('is kept apart from its like', () => {
    const keys = spec.topologySpreadConstraints.map((one: { topologyKey: string }) => one.topologyKey);
    expect(keys).toEqual(['kubernetes.io/hostname', 'topology.kubernetes.io/zone']);
    for (const { labelSelector } of spec.topologySpreadConstraints)
      expect(given.pod.metadata.labels).toMatchObject(labelSelector.matchLabels);
  });
});
