import { readFileSync } from 'node:fs';
import path from 'node:path';
import { SETTINGS } from '../src/settings.ts';

/* The Helm chart's templates are the manifests of deploy/base and deploy/components with values put in for what clusters differ in. */

const DEPLOY = path.join(import.meta.dirname, '..', 'deploy');
const HEADER =
  '{{- /* Generated from deploy/base and deploy/components by scripts/generate-chart.ts; not to be edited. */ -}}\n';

interface Edit {
  /** Literal text of the manifest. */
  readonly find: string;
  readonly put: string;
  /** How often it is there. Default 1: an edit that has lost its place must not pass unseen. */
  readonly times?: number;
}

interface Template {
  readonly name: string;
  readonly source: string;
  /** Value that the file as a whole depends on. */
  readonly when?: string;
  readonly edits: readonly Edit[];
}

const replaceLine = (find: string, put: string, times = 1): Edit => ({ find, put, times });
const OWN_NAMESPACE: Edit = { find: 'namespace: banyan-system', put: 'namespace: {{ .Release.Namespace }}' };

/** Every generated file: path from the project's root → content. */
export function chartFiles(): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  for (const template of templates()) files.set(`deploy/chart/templates/${template.name}`, render(template));
  files.set('deploy/chart/templates/settings.yaml', HEADER + SETTINGS_TEMPLATE);
  files.set('deploy/chart/values.schema.json', `${JSON.stringify(valuesSchema(), null, 2)}\n`);
  return files;
}

/** Kustomize makes it from two files; here it is made from values, but for what has to fit the Deployment. */
const SETTINGS_TEMPLATE = `apiVersion: v1
kind: ConfigMap
metadata:
  name: banyan-settings
data:
  settings.yaml: |
    kubernetes: true
    portOffset: 8000
    stateDir: /var/lib/banyan
    meshConfig: /etc/banyan/mesh.yaml
    {{- toYaml .Values.settings | nindent 4 }}
  mesh.yaml: |
    rootNamespace: {{ default .Release.Namespace .Values.rootNamespace }}
    {{- if .Values.mesh }}
    {{- toYaml .Values.mesh | nindent 4 }}
    {{- end }}
`;

const read = (file: string): string => readFileSync(path.join(DEPLOY, file), 'utf8');

function render({ name, source, when, edits }: Template): string {
  let text = read(source);
  for (const { find, put, times = 1 } of edits) {
    const parts = text.split(find);
    if (parts.length - 1 !== times)
      throw new Error(`${source} for ${name}: '${find}' is there ${parts.length - 1} times, not ${times}`);
    text = parts.join(put);
  }
  return HEADER + (when === undefined ? text : `{{- if ${when} }}\n${text}{{- end }}\n`);
}

/** The lines below a key of a patch of the Deployment, with its indentation: the same as in the Deployment. */
function listOf(file: string, key: string, indent: number): string {
  const lines = read(file).split('\n');
  const from = lines.indexOf(`${' '.repeat(indent)}${key}:`) + 1;
  if (from === 0) throw new Error(`${file} has no ${key}`);
  const length = lines.slice(from).findIndex((line) => !line.startsWith(' '.repeat(indent + 2)));
  return lines.slice(from, from + length).join('\n');
}

const onlyWhen = (value: string, text: string): string => `{{- if ${value} }}\n${text}\n{{- end }}\n`;

function templates(): readonly Template[] {
  return [
    { name: 'service-account.yaml', source: 'base/service-account.yaml', edits: [] },
    { name: 'cluster-role.yaml', source: 'base/cluster-role.yaml', edits: [OWN_NAMESPACE] },
    { name: 'role.yaml', source: 'base/role.yaml', edits: [OWN_NAMESPACE] },
    { name: 'team-role.yaml', source: 'base/team-role.yaml', when: '.Values.teamRoles.enabled', edits: [] },
    { name: 'deployment.yaml', source: 'base/deployment.yaml', edits: deploymentEdits() },
    {
      name: 'service.yaml',
      source: 'base/service.yaml',
      edits: [
        replaceLine(
          'spec:\n  type: LoadBalancer\n',
          '{{- if .Values.service.annotations }}\n  annotations:\n    {{- toYaml .Values.service.annotations | nindent 4 }}\n{{- end }}\nspec:\n  type: {{ .Values.service.type }}\n',
        ),
        replaceLine(
          '  externalTrafficPolicy: Local\n',
          onlyWhen(
            'ne .Values.service.type "ClusterIP"',
            '  externalTrafficPolicy: {{ .Values.service.externalTrafficPolicy }}',
          ),
        ),
      ],
    },
    {
      name: 'pod-disruption-budget.yaml',
      source: 'base/pod-disruption-budget.yaml',
      when: '.Values.disruptionBudget.enabled',
      edits: [],
    },
    {
      name: 'horizontal-pod-autoscaler.yaml',
      source: 'base/horizontal-pod-autoscaler.yaml',
      when: '.Values.autoscaling.enabled',
      edits: [
        replaceLine('minReplicas: 2', 'minReplicas: {{ .Values.autoscaling.minReplicas }}'),
        replaceLine('maxReplicas: 10', 'maxReplicas: {{ .Values.autoscaling.maxReplicas }}'),
        replaceLine('averageUtilization: 60', 'averageUtilization: {{ .Values.autoscaling.cpuUtilization }}'),
      ],
    },
    {
      name: 'network-policy.yaml',
      source: 'base/network-policy.yaml',
      when: '.Values.networkPolicy.enabled',
      edits: [
        replaceLine(
          'kubernetes.io/metadata.name: monitoring',
          'kubernetes.io/metadata.name: {{ .Values.networkPolicy.monitoringNamespace }}',
        ),
      ],
    },
    {
      name: 'redis.yaml',
      source: 'components/redis/redis.yaml',
      when: '.Values.redis.enabled',
      edits: [replaceLine('image: valkey/valkey:8.1-alpine', 'image: {{ .Values.redis.image }}')],
    },
    ...admissionTemplates(),
  ];
}

function admissionTemplates(): readonly Template[] {
  const when = '.Values.admission.enabled';
  return [
    { name: 'admission-service.yaml', source: 'components/admission/service.yaml', when, edits: [] },
    {
      name: 'admission-network-policy.yaml',
      source: 'components/admission/network-policy.yaml',
      when: `and ${when} .Values.networkPolicy.enabled`,
      edits: [],
    },
    {
      name: 'admission-webhook.yaml',
      source: 'components/admission/webhook.yaml',
      when,
      edits: [
        replaceLine(
          '  name: banyan\nwebhooks:\n',
          `  name: banyan\n${onlyWhen(
            '.Values.admission.certManager',
            '  annotations:\n    cert-manager.io/inject-ca-from: {{ .Release.Namespace }}/banyan-admission',
          )}webhooks:\n`,
        ),
        replaceLine(
          '    clientConfig:\n',
          `    clientConfig:\n${onlyWhen('.Values.admission.caBundle', '      caBundle: {{ .Values.admission.caBundle }}')}`,
        ),
        OWN_NAMESPACE,
      ],
    },
    {
      name: 'admission-certificate.yaml',
      source: 'components/admission-cert-manager/certificate.yaml',
      when: `and ${when} .Values.admission.certManager`,
      edits: [replaceLine('banyan-admission.banyan-system.svc', 'banyan-admission.{{ .Release.Namespace }}.svc')],
    },
  ];
}

function deploymentEdits(): readonly Edit[] {
  const redis = 'components/redis/deployment-patch.yaml';
  const admission = 'components/admission/deployment-patch.yaml';
  return [
    replaceLine(
      '  minReadySeconds: 10\n',
      `${onlyWhen('not .Values.autoscaling.enabled', '  replicas: {{ .Values.replicas }}')}  minReadySeconds: 10\n`,
    ),
    replaceLine(
      '        prometheus.io/path: /metrics\n',
      '        prometheus.io/path: /metrics\n        checksum/settings: {{ toYaml .Values.settings | sha256sum | quote }}\n        checksum/mesh: {{ toYaml .Values.mesh | sha256sum | quote }}\n',
    ),
    replaceLine(
      'terminationGracePeriodSeconds: 90',
      'terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}',
    ),
    replaceLine('                seconds: 15\n', '                seconds: {{ .Values.preStopSeconds }}\n'),
    replaceLine('whenUnsatisfiable: ScheduleAnyway', 'whenUnsatisfiable: {{ .Values.spread.whenUnsatisfiable }}', 2),
    replaceLine('      containers:\n', `${podEdits()}      containers:\n`),
    replaceLine(
      '          image: banyan\n',
      `{{- if .Values.image.digest }}\n          image: {{ .Values.image.repository }}@{{ .Values.image.digest }}\n{{- else }}\n          image: {{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}\n{{- end }}\n`,
    ),
    replaceLine('imagePullPolicy: IfNotPresent', 'imagePullPolicy: {{ .Values.image.pullPolicy }}'),
    replaceLine(
      'value: --max-old-space-size-percentage=23 --max-semi-space-size=16 --disable-sigusr1\n',
      `value: {{ .Values.nodeOptions | quote }}\n${onlyWhen('.Values.redis.enabled', listOf(redis, 'env', 10))}${onlyWhen('.Values.admission.enabled', listOf(admission, 'env', 10))}`,
    ),
    replaceLine(
      '              containerPort: 9901\n',
      `              containerPort: 9901\n${onlyWhen('.Values.admission.enabled', listOf(admission, 'ports', 10))}`,
    ),
    replaceLine(RESOURCES, '          resources:\n            {{- toYaml .Values.resources | nindent 12 }}\n'),
    replaceLine(
      '              mountPath: /var/lib/banyan\n',
      `              mountPath: /var/lib/banyan\n${onlyWhen('.Values.admission.enabled', listOf(admission, 'volumeMounts', 10))}`,
    ),
    replaceLine(
      '            sizeLimit: 256Mi\n',
      `            sizeLimit: {{ .Values.stateSizeLimit }}\n${onlyWhen('.Values.admission.enabled', listOf(admission, 'volumes', 6))}`,
    ),
  ];
}

const RESOURCES = `          resources:
            requests:
              cpu: '2'
              memory: 2Gi
              ephemeral-storage: 300Mi
            # No limit of CPU: throttled, one slow client would be everybody's delay.
            limits:
              memory: 2Gi
              ephemeral-storage: 1Gi
`;

const podEdits = (): string =>
  ['imagePullSecrets', 'nodeSelector', 'tolerations', 'affinity']
    .map((key) => onlyWhen(`.Values.${key}`, `      ${key}:\n        {{- toYaml .Values.${key} | nindent 8 }}`))
    .join('') + onlyWhen('.Values.priorityClassName', '      priorityClassName: {{ .Values.priorityClassName }}');

/* ---------------------------------------------------------------- values */

/** Given by the Deployment itself, or not of a cluster. */
const NOT_OURS: readonly string[] = [
  ...['gatewayNamespace', 'redisUrl', 'admissionPort', 'admissionCerts'],
  ...['dir', 'meshConfig', 'portOffset', 'stateDir', 'kubernetes', 'kubeconfig', 'adminPort'],
];

const object = (properties: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> => ({
  type: 'object',
  additionalProperties: false,
  properties,
});
const enabled = { type: 'boolean' };
const text = { type: 'string' };
const count = (minimum: number, maximum = 10_000): unknown => ({ type: 'integer', minimum, maximum });
const map = { type: 'object', additionalProperties: { type: 'string' } };

function valuesSchema(): Readonly<Record<string, unknown>> {
  const settings = SETTINGS.filter(({ key }) => !NOT_OURS.includes(key));
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    ...object({
      // What Helm itself puts into the values of a chart that is part of another.
      global: { type: 'object' },
      image: object({
        repository: { type: 'string', minLength: 1 },
        tag: text,
        digest: { type: 'string', pattern: '^(sha256:[0-9a-f]{64})?$' },
        pullPolicy: { enum: ['Always', 'IfNotPresent', 'Never'] },
      }),
      imagePullSecrets: { type: 'array', items: object({ name: text }) },
      settings: object(
        Object.fromEntries(
          settings.map(({ key, about }) => [
            key,
            { description: about, type: ['string', 'number', 'boolean', 'array', 'object'] },
          ]),
        ),
      ),
      rootNamespace: text,
      mesh: { type: 'object', not: { required: ['rootNamespace'] } },
      replicas: count(1),
      autoscaling: object({
        enabled,
        minReplicas: count(1),
        maxReplicas: count(1),
        cpuUtilization: count(1, 100),
      }),
      disruptionBudget: object({ enabled }),
      service: object({
        type: { enum: ['LoadBalancer', 'NodePort', 'ClusterIP'] },
        externalTrafficPolicy: { enum: ['Local', 'Cluster'] },
        annotations: map,
      }),
      networkPolicy: object({ enabled, monitoringNamespace: { type: 'string', minLength: 1 } }),
      teamRoles: object({ enabled }),
      redis: object({ enabled, image: { type: 'string', minLength: 1 } }),
      admission: object({ enabled, certManager: enabled, caBundle: text }),
      resources: object({ requests: { type: 'object' }, limits: { type: 'object' }, claims: { type: 'array' } }),
      nodeOptions: text,
      terminationGracePeriodSeconds: count(1),
      preStopSeconds: count(1),
      stateSizeLimit: { type: 'string', minLength: 1 },
      spread: object({ whenUnsatisfiable: { enum: ['ScheduleAnyway', 'DoNotSchedule'] } }),
      priorityClassName: text,
      nodeSelector: map,
      tolerations: { type: 'array', items: { type: 'object' } },
      affinity: { type: 'object' },
    }),
  };
}
