import { BlockList, isIPv6 } from 'node:net';
import { describe, expect, it } from 'vitest';
import { createDialGuard } from '../../../src/dataplane/upstreams/dial-guard.ts';
import { allObjects, find, type Manifest } from './manifests.ts';

const objects = allObjects();
const pod = find(objects, 'Deployment', 'banyan').spec.template;
const policy = find(objects, 'NetworkPolicy', 'banyan').spec;
const ADMISSION = 'admission';

const portNames = (template: Manifest): readonly string[] =>
  template.spec.containers.flatMap((container: Manifest) => container.ports.map((port: Manifest) => port.name));

describe('services and policies', () => {
  it('select Pods that there are, by ports that these have', () => {
    const templates = objects.filter(({ kind }) => kind === 'Deployment').map(({ spec }) => spec.template);
    const selected = (labels: Readonly<Record<string, string>>): Manifest =>
      templates.find((template) =>
        Object.entries(labels).every(([key, value]) => template.metadata.labels[key] === value),
      );
    for (const { kind, metadata, spec } of objects) {
      if (kind === 'Service')
        for (const { targetPort } of spec.ports)
          expect([...portNames(selected(spec.selector)), ADMISSION], metadata.name).toContain(targetPort);
      if (kind === 'NetworkPolicy') {
        const names = [...portNames(selected(spec.podSelector.matchLabels)), ADMISSION];
        for (const { port } of spec.ingress.flatMap((rule: Manifest) => rule.ports)) expect(names).toContain(port);
      }
      if (kind === 'PodDisruptionBudget') expect(selected(spec.selector.matchLabels)).toBe(pod);
    }
  });

  it('take 80 and 443 from outside, and keep the address of the client', () => {
    const { spec } = find(objects, 'Service', 'banyan');
    expect(spec).toMatchObject({ type: 'LoadBalancer', externalTrafficPolicy: 'Local' });
    expect(spec.ports.map(({ port, targetPort }: Manifest) => [port, targetPort])).toEqual([
      [80, 'http'],
      [443, 'https'],
    ]);
  });

  it('hide from routes what is not for them', () => {
    for (const name of ['banyan-redis', 'banyan-admission'])
      expect(find(objects, 'Service', name).metadata.annotations).toEqual({ 'networking.istio.io/exportTo': '~' });
  });

  it('scale, and survive a drain of nodes, one Pod at a time', () => {
    expect(find(objects, 'HorizontalPodAutoscaler', 'banyan').spec.scaleTargetRef).toEqual({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      name: 'banyan',
    });
    expect(find(objects, 'HorizontalPodAutoscaler', 'banyan').spec.minReplicas).toBeGreaterThan(1);
    expect(find(objects, 'Deployment', 'banyan').spec.replicas).toBeUndefined();
    expect(find(objects, 'PodDisruptionBudget', 'banyan').spec.maxUnavailable).toBe(1);
  });
});

describe('the policy of the gateway', () => {
  it('lets anybody in to the listeners, and only monitoring to the admin listener', () => {
    const open = policy.ingress.filter((rule: Manifest) => rule.from === undefined);
    expect(open.flatMap(({ ports }: Manifest) => ports.map(({ port }: Manifest) => port))).toEqual(['http', 'https']);
    const admin = policy.ingress.filter(({ ports }: Manifest) => ports.some(({ port }: Manifest) => port === 'admin'));
    expect(admin).toHaveLength(1);
    expect(admin[0].from).toHaveLength(1);
  });

  it('lets nothing out to everywhere', () => {
    expect(policy.policyTypes).toEqual(['Ingress', 'Egress']);
    for (const { to, ports } of policy.egress) {
      expect(to.length).toBeGreaterThan(0);
      for (const { ipBlock, namespaceSelector } of to) {
        if (ipBlock !== undefined) expect(ports).toBeDefined();
        if (namespaceSelector !== undefined) expect(namespaceSelector).not.toEqual({});
      }
    }
  });

  /** What the gateway itself would never dial either; and a neighbour that it may. */
  it.each([
    ['169.254.169.254', false],
    ['169.254.170.2', false],
    ['100.100.100.200', false],
    ['168.63.129.16', false],
    ['fd00:ec2::254', false],
    ['fd20:ce::254', false],
    ['fe80::1', false],
    ['93.184.216.34', true],
    ['2001:db8::1', true],
  ])('to %s on port 443: %s', (address, allowed) => {
    const blocks = policy.egress
      .filter(({ ports }: Manifest) => ports?.some(({ port }: Manifest) => port === 443))
      .flatMap(({ to }: Manifest) => to.filter(({ ipBlock }: Manifest) => ipBlock !== undefined));
    const reached = blocks.some(
      ({ ipBlock }: Manifest) =>
        contains(ipBlock.cidr, address) && !ipBlock.except.some((cidr: string) => contains(cidr, address)),
    );
    expect(reached).toBe(allowed);
    expect(createDialGuard({ allowLoopback: false })(address, 443)).toBe(allowed);
  });
});

/** A block of IPv6 holds no address of IPv4, whatever BlockList says of mapped ones. */
function contains(cidr: string, address: string): boolean {
  const [network, bits] = cidr.split('/') as [string, string];
  const family = isIPv6(network) ? 'ipv6' : 'ipv4';
  if (isIPv6(address) !== isIPv6(network)) return false;
  const list = new BlockList();
  list.addSubnet(network, Number(bits), family);
  return list.check(address, family);
}
