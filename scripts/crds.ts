import { stringify } from 'yaml';
import type { ResourceKind } from '../src/resources/kinds.ts';
import { KINDS } from '../src/resources/registry.ts';
import type { JsonSchema } from '../src/resources/schema.ts';
import { pluralOf } from '../src/sources/kubernetes/kinds.ts';

/** Kinds that Kubernetes does not have by itself. */
const CUSTOM: readonly ResourceKind[] = [
  'RateLimit',
  'EdgePolicy',
  'PolicyExemption',
  'Gateway',
  'VirtualService',
  'DestinationRule',
  'ServiceEntry',
  'WorkloadEntry',
  'RequestAuthentication',
  'AuthorizationPolicy',
];

/** Istio's own, so that `kubectl get vs` works as teams are used to. */
const SHORT_NAMES: Readonly<Partial<Record<ResourceKind, readonly string[]>>> = {
  Gateway: ['gw'],
  VirtualService: ['vs'],
  DestinationRule: ['dr'],
  ServiceEntry: ['se'],
  WorkloadEntry: ['we'],
  RequestAuthentication: ['ra'],
  AuthorizationPolicy: ['ap'],
};

const conditionColumn = (type: string) => ({
  name: type,
  type: 'string',
  jsonPath: `.status.conditions[?(@.type=="${type}")].status`,
});
const HOSTS = { name: 'Hosts', type: 'string', jsonPath: '.spec.hosts' };
const COLUMNS: Readonly<Partial<Record<ResourceKind, readonly unknown[]>>> = {
  Gateway: [conditionColumn('Programmed')],
  VirtualService: [
    { name: 'Gateways', type: 'string', jsonPath: '.spec.gateways' },
    HOSTS,
    conditionColumn('Programmed'),
    conditionColumn('Conflicted'),
  ],
  DestinationRule: [{ name: 'Host', type: 'string', jsonPath: '.spec.host' }],
  ServiceEntry: [HOSTS],
  RateLimit: [conditionColumn('Programmed')],
  EdgePolicy: [conditionColumn('Programmed')],
  PolicyExemption: [conditionColumn('Programmed')],
};
const AGE = { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' };

/** Each file of `deploy/crds`: ours, and for clusters without Istio the kinds of Istio that we read. */
export function crdFiles(): ReadonlyMap<string, string> {
  return new Map(
    CUSTOM.map((kind) => {
      const group = groupOf(kind);
      const folder = group.endsWith('istio.io') ? 'istio/' : '';
      const banner = '# Generated from the schemas by scripts/generate-crds.ts; not to be edited.\n';
      const body = stringify(crdOf(kind), { lineWidth: 0, aliasDuplicateObjects: false });
      return [`deploy/crds/${folder}${group}_${pluralOf(kind)}.yaml`, banner + body];
    }),
  );
}

const groupOf = (kind: ResourceKind): string => KINDS[kind].apiVersions[0]?.split('/')[0] ?? '';

function crdOf(kind: ResourceKind) {
  const { apiVersions, schema } = KINDS[kind];
  const [plural, group] = [pluralOf(kind), groupOf(kind)];
  const openAPIV3Schema = {
    type: 'object',
    ...(schema.required?.includes('spec') && kind === 'RateLimit' && { required: ['spec'] }),
    properties: {
      spec: structural(schema.properties?.['spec'] ?? {}, schema, []),
      status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
    },
  };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}`, labels: { 'app.kubernetes.io/part-of': 'banyan' } },
    spec: {
      group,
      scope: 'Namespaced',
      names: {
        kind,
        listKind: `${kind}List`,
        plural,
        singular: kind.toLowerCase(),
        categories: ['banyan'],
        ...(SHORT_NAMES[kind] !== undefined && { shortNames: SHORT_NAMES[kind] }),
      },
      versions: apiVersions.map((version, index) => ({
        name: version.split('/')[1],
        served: true,
        storage: index === 0,
        subresources: { status: {} },
        additionalPrinterColumns: [...(COLUMNS[kind] ?? []), AGE],
        schema: { openAPIV3Schema },
      })),
    },
  };
}

const ANYTHING = { 'x-kubernetes-preserve-unknown-fields': true } as const;

/**
 * The schema as Kubernetes can have it: without references, every part typed. What it cannot express (unions of a word
 * and a mapping, oneof) is left to the gateway and its admission webhook, which say it better.
 */
function structural(schema: JsonSchema, root: JsonSchema, seen: readonly string[]): Readonly<Record<string, unknown>> {
  if (schema.$ref !== undefined) {
    const name = schema.$ref.slice('#/definitions/'.length);
    if (seen.includes(name)) return ANYTHING;
    const found = structural(root.definitions?.[name] ?? {}, root, [...seen, name]);
    return schema.description === undefined ? found : { ...found, description: schema.description };
  }
  if (schema.anyOf !== undefined) {
    const types = schema.anyOf.map(({ type }) => type).toSorted();
    return types.join() === 'integer,string' ? { 'x-kubernetes-int-or-string': true } : ANYTHING;
  }
  if (schema.type === undefined) return ANYTHING;
  const { type, description, properties, items, additionalProperties } = schema;
  const inner = (part: JsonSchema) => structural(part, root, seen);
  return {
    type,
    ...(description !== undefined && { description }),
    ...limitsOf(schema),
    ...(items !== undefined && { items: inner(items) }),
    ...(properties !== undefined && {
      properties: Object.fromEntries(Object.entries(properties).map(([name, part]) => [name, inner(part)])),
    }),
    ...(additionalProperties === true && ANYTHING),
    ...(typeof additionalProperties === 'object' && { additionalProperties: inner(additionalProperties) }),
  };
}

function limitsOf(schema: JsonSchema): Readonly<Record<string, unknown>> {
  const { required, minItems, minimum, maximum, exclusiveMinimum, minLength, maxLength, pattern } = schema;
  const words = schema.const === undefined ? schema.enum : [schema.const];
  return Object.fromEntries(
    Object.entries({
      required,
      minItems,
      minimum: exclusiveMinimum ?? minimum,
      exclusiveMinimum: exclusiveMinimum === undefined ? undefined : true,
      maximum,
      minLength,
      maxLength,
      pattern,
      enum: words,
    }).filter(([, value]) => value !== undefined),
  );
}
