import { describe, expect, it } from 'vitest';
import { KINDS } from '../../../src/resources/registry.ts';
import { watchedKinds } from '../../../src/sources/kubernetes/kinds.ts';
import { allObjects, find, type Manifest, read } from './manifests.ts';

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

/** `networking.istio.io/gateways get`, each right by itself. */
const rightsOf = ({ rules }: Manifest): readonly string[] =>
  (rules as readonly Rule[]).flatMap(({ apiGroups, resources, verbs }) =>
    apiGroups.flatMap((group) => resources.flatMap((name) => verbs.map((verb) => `${group}/${name} ${verb}`))),
  );

const groupOf = (apiVersion: string): string => (apiVersion.includes('/') ? (apiVersion.split('/')[0] as string) : '');
const watched = watchedKinds({ gatewayNamespace: 'banyan-system', namespaceSelector: 'routes=yes' }).map(
  ({ kind, plural, apiVersions, namespace }) => ({
    kind,
    resource: `${groupOf(apiVersions[0] as string)}/${plural}`,
    everywhere: namespace === undefined,
  }),
);
const READ = ['get', 'list', 'watch'];
const reading = (resources: readonly string[]): readonly string[] =>
  resources.flatMap((resource) => READ.map((verb) => `${resource} ${verb}`));

const objects = allObjects();
const everywhere = rightsOf(find(objects, 'ClusterRole', 'banyan'));
const atHome = rightsOf(find(objects, 'Role', 'banyan'));

describe('the gateway', () => {
  it('may read in all namespaces what routes are made of, and nothing else', () => {
    const wanted = reading(watched.filter((one) => one.everywhere).map(({ resource }) => resource));
    const may = everywhere.filter((right) => READ.includes(right.split(' ')[1] as string));
    expect(may.toSorted()).toEqual(wanted.toSorted());
  });

  it('may change statuses of those kinds, and write events', () => {
    const rest = everywhere.filter((right) => !READ.includes(right.split(' ')[1] as string));
    const kinds = watched.map(({ resource }) => `${resource}/status`);
    for (const right of rest.filter((one) => !one.startsWith('/events'))) {
      const [resource, verb] = right.split(' ');
      expect(kinds).toContain(resource);
      expect(verb).toBe('patch');
    }
    expect(rest.filter((one) => one.startsWith('/events')).toSorted()).toEqual(['/events create', '/events patch']);
  });

  it('may read Secrets in its own namespace alone', () => {
    expect(watched.find(({ kind }) => kind === 'Secret')?.everywhere).toBe(false);
    expect(everywhere.filter((right) => right.includes('secrets'))).toEqual([]);
    expect(atHome.filter((right) => right.includes('secrets')).toSorted()).toEqual(reading(['/secrets']).toSorted());
  });

  it('may change no other Lease than its own', () => {
    const leases = (find(objects, 'Role', 'banyan').rules as readonly Rule[]).filter(({ resources }) =>
      resources.includes('leases'),
    );
    for (const { verbs, resourceNames } of leases) if (resourceNames === undefined) expect(verbs).toEqual(['create']);
    expect(atHome.filter((right) => !/secrets|leases/.test(right))).toEqual([]);
  });

  it.each(['ClusterRole', 'Role'])('is given a %s without anything that stands for everything', (kind) => {
    for (const object of objects.filter((one) => one.kind === kind)) {
      const rights = rightsOf(object);
      expect(rights.filter((right) => right.includes('*'))).toEqual([]);
      expect(rights.filter((right) => /escalate|impersonate|bind$|pods\/exec|\/pods create/.test(right))).toEqual([]);
    }
  });

  it('is bound by its one ServiceAccount', () => {
    for (const { kind, roleRef, subjects } of objects.filter(({ kind }) => kind.endsWith('Binding'))) {
      expect(roleRef).toMatchObject({ kind: kind.replace('Binding', ''), name: 'banyan' });
      expect(subjects).toEqual([{ kind: 'ServiceAccount', name: 'banyan', namespace: 'banyan-system' }]);
    }
  });
});

describe('people', () => {
  const roles = read('base/team-role.yaml');
  const ours = watched.filter(({ resource }) => /^(\w+\.istio\.io|banyan\.dev)\//.test(resource));

  it('of a team may write routes where they may edit, and no kind of the network team', () => {
    const team = find(roles, 'ClusterRole', 'banyan-team');
    expect(Object.keys(team.metadata.labels)).toContain('rbac.authorization.k8s.io/aggregate-to-edit');
    const written = rightsOf(team).filter((right) => right.endsWith(' create'));
    expect(written).toEqual([
      'networking.istio.io/virtualservices create',
      'networking.istio.io/destinationrules create',
    ]);
  });

  it('may see every kind of route and policy', () => {
    const view = find(roles, 'ClusterRole', 'banyan-view');
    expect(rightsOf(view).toSorted()).toEqual(reading(ours.map(({ resource }) => resource)).toSorted());
  });

  it('of the network team may write every kind of route and policy', () => {
    const writes = rightsOf(find(roles, 'ClusterRole', 'banyan-network-team')).filter((one) => one.endsWith(' create'));
    expect(writes.toSorted()).toEqual(ours.map(({ resource }) => `${resource} create`).toSorted());
  });

  it('may not write statuses', () => {
    for (const role of roles) expect(rightsOf(role).filter((right) => right.includes('/status'))).toEqual([]);
  });
});

describe('the webhook', () => {
  const [webhook] = find(objects, 'ValidatingWebhookConfiguration', 'banyan').webhooks;

  it('is asked about every kind of route and policy, in all of their versions, and about nothing else', () => {
    const asked = (webhook.rules as readonly (Rule & { readonly apiVersions: readonly string[] })[]).flatMap(
      ({ apiGroups, apiVersions, resources }) =>
        apiGroups.flatMap((group) =>
          apiVersions.flatMap((version) => resources.map((name) => `${group}/${version} ${name}`)),
        ),
    );
    const wanted = ours().flatMap(({ kind, plural }) =>
      KINDS[kind].apiVersions.map((version) => `${version} ${plural}`),
    );
    expect(asked.toSorted()).toEqual(wanted.toSorted());
  });

  it('keeps nobody waiting, and nobody from deploying when the gateway is away', () => {
    expect(webhook).toMatchObject({ failurePolicy: 'Ignore', sideEffects: 'None' });
    expect(webhook.timeoutSeconds).toBeLessThanOrEqual(5);
    expect(webhook.namespaceSelector.matchExpressions[0]).toMatchObject({ operator: 'NotIn' });
  });

  it('is called at a Service that leads to its port', () => {
    const { service } = webhook.clientConfig;
    const target = find(objects, 'Service', service.name);
    expect(target.spec.ports).toContainEqual(expect.objectContaining({ port: service.port, targetPort: 'admission' }));
  });
});

const ours = () =>
  watchedKinds({ gatewayNamespace: 'x', namespaceSelector: undefined }).filter(({ apiVersions }) =>
    /^(\w+\.istio\.io|banyan\.dev)\//.test(apiVersions[0] as string),
  );
