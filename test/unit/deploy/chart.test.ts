import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { chartFiles } from '../../../scripts/chart.ts';
import { loadSettings } from '../../../src/settings.ts';
import { build, DEPLOY, find, kubectl, type Manifest, textOf } from './manifests.ts';
import { defaultValues, renderChart, renderText } from './render-chart.ts';

const everythingOn = (): Manifest => {
  const values = defaultValues();
  Object.assign(values.redis, { enabled: true });
  Object.assign(values.admission, { enabled: true, certManager: true });
  return values;
};

/** What kustomize and Helm say differently although it means the same. */
function comparable(objects: readonly Manifest[]): ReadonlyMap<string, Manifest> {
  const all = objects
    .filter(({ kind }) => !['Namespace', 'ConfigMap', 'PriorityClass'].includes(kind))
    .map((object) => {
      const copy = JSON.parse(JSON.stringify(object).replaceAll(/banyan-settings-\w+/g, 'banyan-settings')) as Manifest;
      delete copy.metadata.namespace;
      delete copy.metadata.labels?.['app.kubernetes.io/part-of'];
      if (Object.keys(copy.metadata.labels ?? {}).length === 0) delete copy.metadata.labels;
      const template = copy.spec?.template;
      if (template !== undefined) sortLists(template);
      return [`${copy.kind}/${copy.metadata.name}`, copy] as const;
    });
  return new Map(all.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** A patch of kustomize puts in front what the chart puts behind. */
function sortLists(template: Manifest): void {
  const byName = (a: Manifest, b: Manifest): number => (a.name < b.name ? -1 : 1);
  for (const name of ['checksum/settings', 'checksum/mesh']) delete template.metadata.annotations?.[name];
  template.spec.volumes.sort(byName);
  for (const container of template.spec.containers)
    for (const list of [container.env, container.ports, container.volumeMounts]) list.sort(byName);
}

describe('the chart', () => {
  it('is generated from the manifests as they are now', () => {
    for (const [file, content] of chartFiles())
      expect(readFileSync(path.join(DEPLOY, '..', file), 'utf8'), `${file}: node scripts/generate-chart.ts`).toBe(
        content,
      );
  });

  it('is of the version that this is', () => {
    const { version } = JSON.parse(readFileSync(path.join(DEPLOY, '..', 'package.json'), 'utf8')) as {
      version: string;
    };
    expect(parse(textOf('chart/Chart.yaml'))).toMatchObject({ version, appVersion: version });
  });

  it.skipIf(kubectl === undefined)('comes, as it is, to what the base comes to', () => {
    expect(comparable(renderChart(defaultValues()))).toEqual(comparable(build('base')));
  });

  it.skipIf(kubectl === undefined)('comes, with everything on, to what production comes to', () => {
    const values = everythingOn();
    const production = build('overlays/production');
    values.priorityClassName = 'banyan-gateway';
    values.spread.whenUnsatisfiable = 'DoNotSchedule';
    Object.assign(values.autoscaling, { minReplicas: 3, maxReplicas: 30 });
    values.resources = find(production, 'Deployment', 'banyan').spec.template.spec.containers[0].resources;
    expect(comparable(renderChart(values))).toEqual(comparable(production));
  });

  it('lives in the namespace of its release', () => {
    const text = JSON.stringify(renderChart(everythingOn(), 'edge'));
    expect(text).not.toContain('banyan-system');
    expect(text).toContain('banyan-admission.edge.svc');
  });

  it('gives settings that there are, and a root namespace', async () => {
    const { data } = find(renderChart(defaultValues()), 'ConfigMap', 'banyan-settings');
    const outcome = await loadSettings({ flags: {}, file: 's', env: {}, readFile: () => data['settings.yaml'] });
    expect(outcome).toMatchObject({ ok: true, value: { warnings: [], settings: { kubernetes: true, workers: 2 } } });
    expect(parse(data['mesh.yaml'])).toEqual({ rootNamespace: 'banyan-system' });
    const values = defaultValues();
    values.mesh = { pathNormalization: { normalization: 'BASE' } };
    values.rootNamespace = 'istio-system';
    const other = find(renderChart(values), 'ConfigMap', 'banyan-settings').data;
    expect(parse(other['mesh.yaml'])).toEqual({ rootNamespace: 'istio-system', ...values.mesh });
  });

  it('begins new Pods when settings change', () => {
    const values = defaultValues();
    const before = find(renderChart(values), 'Deployment', 'banyan').spec.template.metadata.annotations;
    values.settings.logLevel = 'debug';
    const after = find(renderChart(values), 'Deployment', 'banyan').spec.template.metadata.annotations;
    expect(after['checksum/settings']).not.toBe(before['checksum/settings']);
    expect(after['checksum/mesh']).toBe(before['checksum/mesh']);
  });

  it('leaves out what is switched off', () => {
    const values = defaultValues();
    for (const key of ['autoscaling', 'disruptionBudget', 'networkPolicy', 'teamRoles']) values[key].enabled = false;
    values.service.type = 'ClusterIP';
    const objects = renderChart(values);
    expect(objects.map(({ kind }) => String(kind)).toSorted()).toEqual([
      'ClusterRole',
      'ClusterRoleBinding',
      'ConfigMap',
      'Deployment',
      'Role',
      'RoleBinding',
      'Service',
      'ServiceAccount',
    ]);
    expect(find(objects, 'Deployment', 'banyan').spec.replicas).toBe(2);
    expect(find(objects, 'Service', 'banyan').spec.externalTrafficPolicy).toBeUndefined();
  });

  it('puts in what only some clusters need', () => {
    const values = everythingOn();
    Object.assign(values.image, { digest: `sha256:${'0'.repeat(64)}`, repository: 'registry.example.com/banyan' });
    Object.assign(values.admission, { certManager: false, caBundle: 'Q0E=' });
    values.imagePullSecrets = [{ name: 'pull' }];
    values.nodeSelector = { role: 'edge' };
    values.tolerations = [{ key: 'edge', operator: 'Exists' }];
    values.affinity = { nodeAffinity: {} };
    values.service.annotations = { 'example.com/kind': 'nlb' };
    const objects = renderChart(values);
    const { spec } = find(objects, 'Deployment', 'banyan').spec.template;
    const { imagePullSecrets, nodeSelector, tolerations, affinity } = values;
    expect(spec).toMatchObject({ imagePullSecrets, nodeSelector, tolerations, affinity });
    expect(spec.containers[0].image).toBe(`registry.example.com/banyan@${values.image.digest}`);
    expect(find(objects, 'Service', 'banyan').metadata.annotations).toEqual(values.service.annotations);
    const webhook = find(objects, 'ValidatingWebhookConfiguration', 'banyan');
    expect(webhook.metadata.annotations).toBeUndefined();
    expect(webhook.webhooks[0].clientConfig.caBundle).toBe('Q0E=');
    expect(objects.map(({ kind }) => kind)).not.toContain('Certificate');
  });
});

describe('the schema of its values', () => {
  const validate = new Ajv({ allErrors: true, allowUnionTypes: true }).compile(
    JSON.parse(textOf('chart/values.schema.json')) as object,
  );
  const changed = (change: (values: Manifest) => void): Manifest => {
    const values = defaultValues();
    change(values);
    return values;
  };

  it('accepts the defaults, and what tests put in', () => {
    expect(validate(defaultValues()), JSON.stringify(validate.errors)).toBe(true);
    expect(validate(everythingOn()), JSON.stringify(validate.errors)).toBe(true);
  });

  it.each<[string, (values: Manifest) => void]>([
    [
      'a value that there is not',
      (values) => {
        values.replica = 3;
      },
    ],
    [
      'a setting that there is not',
      (values) => {
        values.settings.drainSecond = 3;
      },
    ],
    [
      'a setting that the Deployment gives',
      (values) => {
        values.settings.gatewayNamespace = 'x';
      },
    ],
    [
      'a root namespace among the rest of the mesh',
      (values) => {
        values.mesh.rootNamespace = 'x';
      },
    ],
    [
      'no replicas at all',
      (values) => {
        values.replicas = 0;
      },
    ],
    [
      'a digest that is none',
      (values) => {
        values.image.digest = 'latest';
      },
    ],
    [
      'a kind of Service that there is not',
      (values) => {
        values.service.type = 'Ingress';
      },
    ],
  ])('refuses %s', (_, change) => {
    expect(validate(changed(change))).toBe(false);
  });
});

describe('the templates of a test', () => {
  const scope = { Values: { yes: true, none: {}, list: [1], word: 'a' } };

  it.each([
    ['a {{- if .Values.yes }}\n b\n{{- else }} c{{ end }}', 'a\n b'],
    ['a {{- if not .Values.yes }} b{{ else }} c{{ end }}', 'a c'],
    ['x:\n  {{- toYaml .Values.list | nindent 2 }}', 'x:\n  - 1'],
    ['{{ default .Values.word .Values.none }}', 'a'],
    ['{{ .Values.word | quote }}', '"a"'],
    ['{{- /* said */ -}}\n x', 'x'],
  ])('%j come to %j', (text, expected) => {
    expect(renderText(text, scope)).toBe(expected);
  });

  it.each([
    '{{ .Values.missing }}',
    '{{ lookup "v1" "Secret" }}',
    '{{ if .Values.yes }}',
    '{{ end }}',
    '{{ .Values.word | upper }}',
  ])('%j is refused', (text) => {
    expect(() => renderText(text, scope)).toThrow();
  });
});
