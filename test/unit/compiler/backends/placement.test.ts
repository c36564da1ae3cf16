import { describe, expect, it } from 'vitest';
import type { Resource } from '../../../../src/resources/kinds.ts';
import type { Endpoint } from '../../../../src/table/model.ts';
import { entry, mesh, object, options, pod, rule, service, slice } from './builders.ts';
import { build, id } from './helpers.ts';

const host = 'a.example.net';
const places = ['eu/eu-1/a', 'eu/eu-1/b', 'eu/eu-2', 'us/us-1', ''];

/** One endpoint in each of the places, with labels that tell them apart. */
const spread = entry('x/a', {
  hosts: [host],
  endpoints: places.map((locality, i) => ({
    address: `127.0.0.${i}`,
    locality,
    labels: { tier: i < 2 ? 'near' : 'far', [`n${i}`]: '' },
  })),
});

function placed(
  trafficPolicy: object,
  labels: Readonly<Record<string, string>> = {},
  more: readonly Resource[] = [spread],
): readonly Endpoint[] {
  const settings = options({ gatewayLabels: { app: 'gateway', ...labels } });
  return (
    build([...more, rule('x/r', { host, trafficPolicy })], [id(host)], settings).endpoints.clusters[id(host)] ?? []
  );
}

const priorities = (...args: Parameters<typeof placed>): number[] => placed(...args).map(({ priority }) => priority);
const setting = (localityLbSetting: object): object => ({ loadBalancer: { localityLbSetting } });
const failing = { outlierDetection: {} };
const inEurope = { 'istio-locality': 'eu.eu-1.a' };

describe('priorities', () => {
  it.each<[string, object, Readonly<Record<string, string>>, number[]]>([
    ['none without outlier detection', {}, inEurope, [0, 0, 0, 0, 0]],
    ['by nearness with it', failing, inEurope, [0, 1, 2, 3, 3]],
    [
      'by nearness to a zone given by topology labels',
      failing,
      { 'topology.kubernetes.io/region': 'eu', 'topology.kubernetes.io/zone': 'eu-2' },
      [1, 1, 0, 2, 2],
    ],
    ['all alike for a gateway that is nowhere, but for endpoints that are nowhere too', failing, {}, [1, 1, 1, 1, 0]],
    ['none where it is switched off', { ...failing, ...setting({ enabled: false }) }, inEurope, [0, 0, 0, 0, 0]],
    [
      'the region to fail over to before the others',
      { ...failing, ...setting({ failover: [{ from: 'eu', to: 'us' }] }) },
      inEurope,
      [0, 1, 2, 3, 4],
    ],
    [
      'no other region’s setting',
      { ...failing, ...setting({ failover: [{ from: 'us', to: 'eu' }] }) },
      inEurope,
      [0, 1, 2, 3, 3],
    ],
    ['by labels with a value', { ...failing, ...setting({ failoverPriority: ['tier=near'] }) }, {}, [0, 0, 1, 1, 1]],
    [
      'by labels that the gateway has',
      { ...failing, ...setting({ failoverPriority: ['tier'] }) },
      { tier: 'far' },
      [1, 1, 0, 0, 0],
    ],
    [
      'by several labels, the first the most important',
      {
        ...failing,
        ...setting({ failoverPriority: ['topology.kubernetes.io/region', 'topology.kubernetes.io/zone'] }),
      },
      { 'topology.kubernetes.io/region': 'eu', 'topology.kubernetes.io/zone': 'eu-1' },
      [0, 0, 1, 2, 2],
    ],
    ['not by labels without outlier detection', setting({ failoverPriority: ['tier=near'] }), {}, [0, 0, 0, 0, 0]],
    [
      'by labels first and regions then',
      {
        ...failing,
        ...setting({ failoverPriority: ['tier=near'], failover: [{ from: 'eu', to: 'us' }] }),
      },
      inEurope,
      [0, 1, 2, 3, 4],
    ],
  ])('are %s', (_, policy, labels, expected) => {
    expect(priorities(policy, labels)).toEqual(expected);
  });

  it('are by nearness where the service wishes so, outlier detection or not, unless the rule says something', () => {
    const near = { annotations: { 'networking.istio.io/traffic-distribution': 'PreferClose' } };
    const wishing = [{ ...spread, meta: { ...spread.meta, ...near } }];
    const labels = { 'topology.kubernetes.io/region': 'eu', 'topology.kubernetes.io/zone': 'eu-2' };
    expect(priorities({}, labels, wishing)).toEqual([1, 1, 0, 2, 2]);
    expect(priorities(setting({ enabled: false }), labels, wishing)).toEqual([0, 0, 0, 0, 0]);
  });

  it.each([
    ['PreferClose', [0, 0, 1, 2, 2]],
    ['prefersamezone', [0, 0, 1, 2, 2]],
    ['PreferSameNode', [0, 1, 2, 3, 3]],
    ['prefersamenode', [0, 1, 2, 3, 3]],
    ['PreferRegion', [0, 0, 0, 0, 0]],
    ['toString', [0, 0, 0, 0, 0]],
  ])('are by zone, or by subzone and node, as the service’s annotation says: %s', (wish, expected) => {
    const annotations = { 'networking.istio.io/traffic-distribution': wish };
    expect(priorities({}, inEurope, [{ ...spread, meta: { ...spread.meta, annotations } }])).toEqual(expected);
  });

  it.each([
    ['PreferSameNode', undefined, [0, 1, 1]],
    ['PreferSameZone', 'PreferSameNode', [0, 0, 0]],
    ['Elsewhere', 'PreferSameNode', [0, 1, 1]],
    ['Elsewhere', undefined, [0, 0, 0]],
  ])(
    'are as the service’s field says, and by the annotation where that says nothing: %s, %s',
    (field, word, expected) => {
      const annotations = word === undefined ? {} : { 'networking.istio.io/traffic-distribution': word };
      const node = 'kubernetes.io/hostname';
      const objects = [
        service('shop/web', { trafficDistribution: field }, { annotations }),
        slice(
          'shop/web',
          [1, 2, 3].map((i) => ({ address: `127.0.0.${i}`, pod: `p${i}` })),
        ),
        ...[1, 2, 3].map((i) => pod(`shop/p${i}`, `127.0.0.${i}`, { [node]: `n${i}` })),
      ];
      const name = id('web.shop.svc.cluster.local');
      const { clusters } = build(objects, [name], options({ gatewayLabels: { [node]: 'n1' } })).endpoints;
      expect(clusters[name]?.map(({ priority }) => priority)).toEqual(expected);
    },
  );
});

it('of what an entry lists or selects, topology labels say no place; of Pods they do', () => {
  const topology = { 'topology.kubernetes.io/region': 'eu' };
  const labels = { app: 'a', ...topology };
  const listed = entry('x/a', {
    hosts: [host],
    endpoints: [
      { address: '127.0.0.1', labels: topology },
      { address: '127.0.0.2', labels: { ...topology, 'istio-locality': 'us.us-1' } },
      { address: '127.0.0.3', labels: { 'istio-locality': 'us.us-1' }, locality: 'asia' },
    ],
  });
  const selecting = entry('x/a', { hosts: [host], workloadSelector: { labels: { app: 'a' } } });
  const selected = [
    object('WorkloadEntry', 'x/w', { spec: { address: '127.0.0.1', labels } }),
    pod('x/p', '127.0.0.2', labels),
  ];
  const localities = (more: readonly Resource[]): string[] => placed({}, {}, more).map(({ locality }) => locality);
  expect(localities([listed])).toEqual(['', 'us/us-1', 'asia']);
  expect(localities([selecting, ...selected])).toEqual(['', 'eu']);
});

describe('where neither rule nor service says how localities count, the mesh does', () => {
  const near = { annotations: { 'networking.istio.io/traffic-distribution': 'PreferClose' } };
  const wishing = { ...spread, meta: { ...spread.meta, ...near } };
  const off = { enabled: false };
  const byTier = { failoverPriority: ['tier=far'] };

  it.each([
    ['switched off', off, spread, failing, [0, 0, 0, 0, 0]],
    ['by labels', byTier, spread, failing, [1, 1, 0, 0, 0]],
    ['only with outlier detection', byTier, spread, { loadBalancer: { simple: 'RANDOM' } }, [0, 0, 0, 0, 0]],
    [
      'not before the rule',
      off,
      spread,
      { ...failing, ...setting({ failoverPriority: ['tier=near'] }) },
      [0, 0, 1, 1, 1],
    ],
    ['not before the service’s wish', off, wishing, failing, [1, 1, 0, 2, 2]],
  ] as const)('%s', (_title, localityLbSetting, provider, trafficPolicy, expected) => {
    const place = { 'topology.kubernetes.io/region': 'eu', 'topology.kubernetes.io/zone': 'eu-2' };
    const settings = options({ gatewayLabels: place, mesh: mesh({ localityLbSetting }) });
    const { clusters } = build([provider, rule('x/r', { host, trafficPolicy })], [id(host)], settings).endpoints;
    expect(clusters[id(host)]?.map(({ priority }) => priority)).toEqual(expected);
  });

  it('in shares by locality, divided by weight', () => {
    const weighty = entry('x/a', {
      hosts: [host],
      endpoints: [
        { address: '127.0.0.1', locality: 'eu/1', weight: 1 },
        { address: '127.0.0.2', locality: 'eu/1', weight: 3 },
        { address: '127.0.0.3', locality: 'us/1', weight: 9 },
      ],
    });
    const localityLbSetting = { distribute: [{ from: 'eu', to: { eu: 80, us: 20 } }] };
    const place = options({ gatewayLabels: inEurope, mesh: mesh({ localityLbSetting }) });
    const built = (simple: string) => {
      const random = rule('x/r', { host, trafficPolicy: { loadBalancer: { simple } } });
      const { clusters, endpoints } = build([weighty, random], [id(host)], place);
      return [clusters[0]?.byLocality, endpoints.clusters[id(host)]?.map(({ weight }) => weight)];
    };
    for (const simple of ['RANDOM', 'ROUND_ROBIN']) expect(built(simple)).toEqual([true, [20_000, 60_000, 20_000]]);
  });

  it.each([
    ['nothing is said', {}, failing, spread, undefined],
    ['they are switched off', off, failing, spread, undefined],
    ['they fail over as they do by themselves', { enabled: true }, failing, spread, undefined],
    ['the order of labels is said', byTier, failing, spread, true],
    ['it is said, and nobody is ejected', byTier, { loadBalancer: { simple: 'RANDOM' } }, spread, undefined],
    ['the next region is said', { failover: [{ from: 'eu', to: 'us' }] }, failing, spread, true],
    ['shares are said for elsewhere', { distribute: [{ from: 'asia', to: { us: 100 } }] }, {}, spread, true],
    ['the service wishes to be near', {}, {}, wishing, true],
  ] as const)('are chosen before endpoints or not: %s', (_, localityLbSetting, trafficPolicy, provider, expected) => {
    const settings = options({ gatewayLabels: inEurope, mesh: mesh({ localityLbSetting }) });
    const { clusters } = build([provider, rule('x/r', { host, trafficPolicy })], [id(host)], settings);
    expect(clusters[0]?.byLocality).toBe(expected);
  });

  it('in shares', () => {
    const localityLbSetting = { distribute: [{ from: 'eu', to: { us: 100 } }] };
    const settings = options({ gatewayLabels: { app: 'gateway', ...inEurope }, mesh: mesh({ localityLbSetting }) });
    const { clusters } = build([spread], [id(host)], settings).endpoints;
    expect(clusters[id(host)]?.map(({ address }) => address)).toEqual(['127.0.0.3']);
  });
});

describe('distribution', () => {
  const weights = (distribute: readonly object[], labels = {}): string[] =>
    placed(setting({ distribute }), labels).map(({ address, weight }) => `${address.slice(-1)}=${weight}`);

  it('gives each locality its share, and nothing to those without', () => {
    expect(weights([{ from: 'eu/*', to: { 'eu/eu-1/*': 80, 'us/*': 20 } }], inEurope)).toEqual([
      '0=40000',
      '1=40000',
      '3=20000',
    ]);
  });

  it.each([
    ['of another region', [{ from: 'us/*', to: { 'us/*': 100 } }], inEurope],
    ['of another zone', [{ from: 'eu/eu-2/*', to: { 'us/*': 100 } }], inEurope],
    ['of any region for a gateway that is nowhere', [{ from: 'eu', to: { 'us/*': 100 } }], {}],
  ])('%s changes nothing', (_, distribute, labels) => {
    expect(weights(distribute, labels)).toEqual(['0=1', '1=1', '2=1', '3=1', '4=1']);
  });

  it('from everywhere holds for a gateway that is nowhere', () => {
    expect(weights([{ from: '*', to: { 'us/us-1': 100 } }])).toEqual(['3=100000']);
  });
});

describe('endpoints that are not ready', () => {
  const near = { annotations: { 'networking.istio.io/traffic-distribution': 'PreferClose' } };
  const name = 'web.shop.svc.cluster.local';
  const slices = [
    slice('shop/web', [
      { address: '127.0.0.1', pod: 'a' },
      { address: '127.0.0.2', pod: 'b', ready: false },
      { address: '127.0.0.3', pod: 'c' },
    ]),
    pod('shop/a', '127.0.0.1', { 'istio-locality': 'eu' }),
    pod('shop/b', '127.0.0.2', { 'istio-locality': 'eu' }),
    pod('shop/c', '127.0.0.3', { 'istio-locality': 'us' }),
  ];
  const shared = setting({ distribute: [{ from: '*', to: { eu: 60, us: 40 } }] });
  const built = (meta: object) => {
    const trafficPolicy = { ...shared, outlierDetection: { minHealthPercent: 30 } };
    const objects = [service('shop/web', {}, meta), ...slices, rule('shop/r', { host: name, trafficPolicy })];
    const { clusters, endpoints } = build(objects, [id(name)], options({ gatewayLabels: inEurope }));
    const weights = endpoints.clusters[id(name)]?.map(({ healthy, weight }) => `${healthy ? '' : '-'}${weight}`);
    return { weights, counts: clusters[0]?.countsUnready, panic: clusters[0]?.outlierDetection?.minHealthPercent };
  };

  it('have no part in shares', () => {
    expect(built({})).toEqual({ weights: ['60000', '-60000', '40000'], counts: undefined, panic: 30 });
  });

  it('but where the service wishes its callers near; there is no panic then', () => {
    expect(built(near)).toEqual({ weights: ['30000', '-30000', '40000'], counts: true, panic: 0 });
  });
});
