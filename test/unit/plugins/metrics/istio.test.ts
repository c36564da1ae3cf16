import { spawnSync } from 'node:child_process';
import { AggregatorRegistry, Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { authorization } from '../../../../plugins/authorization/index.ts';
import { createMetricsFilter, metrics } from '../../../../plugins/metrics/index.ts';
import type { Exchange, GatewayPlugin, RequestRecord } from '../../../../src/contract/index.ts';
import { fakeRecord } from '../../../support/fake-record.ts';
import { frame, startGateway, virtualService } from '../../../support/gateway.ts';

/** Of the package prometheus; without it that part is skipped. */
const PROMTOOL = 'promtool';

const workload = {
  namespace: 'istio-system',
  labels: { app: 'istio-ingressgateway', istio: 'ingressgateway', 'service.istio.io/canonical-revision': 'r7' },
};

function counting(istio = true) {
  const registry = new Registry();
  const filter = createMetricsFilter(registry, { istio: istio ? workload : undefined });
  return {
    registry,
    log: (...records: RequestRecord[]): void => {
      for (const record of records) filter.log?.(record);
    },
    grpc(record: RequestRecord): RequestRecord {
      filter.prepare?.({ isGrpc: true, record } as Exchange, undefined);
      return record;
    },
    series: async () => seriesIn(await registry.metrics()),
  };
}

interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const seriesIn = (text: string): readonly Series[] =>
  [...text.matchAll(/^(istio_\w+)\{(.*)\} (\S+)$/gm)].map(([, name = '', labels = '', value]) => ({
    name,
    labels: Object.fromEntries(
      [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key = '', text = '']) => [key, text]),
    ),
    value: Number(value),
  }));

const requests = (all: readonly Series[]): readonly Series[] =>
  all.filter(({ name }) => name === 'istio_requests_total');

// istio-semantics §8
describe('Istio’s metrics', () => {
  it('are not there unless they are asked for', async () => {
    const { log, series } = counting(false);
    log(fakeRecord());
    expect(await series()).toEqual([]);
  });

  it('have the labels of an ingress gateway’s, and no other', async () => {
    const { log, series } = counting();
    log(fakeRecord());
    expect(requests(await series())).toEqual([
      {
        name: 'istio_requests_total',
        value: 1,
        labels: {
          reporter: 'source',
          source_workload: 'istio-ingressgateway',
          source_workload_namespace: 'istio-system',
          source_canonical_service: 'istio-ingressgateway',
          source_canonical_revision: 'r7',
          source_app: 'istio-ingressgateway',
          source_version: 'unknown',
          source_cluster: 'unknown',
          source_principal: 'unknown',
          destination_service: 'cart.shop.svc.cluster.local',
          destination_service_name: 'cart',
          destination_service_namespace: 'shop',
          destination_workload: 'unknown',
          destination_workload_namespace: 'unknown',
          destination_canonical_service: 'unknown',
          destination_canonical_revision: 'latest',
          destination_app: 'unknown',
          destination_version: 'unknown',
          destination_cluster: 'unknown',
          destination_principal: 'unknown',
          request_protocol: 'http',
          response_code: '200',
          grpc_response_status: '',
          response_flags: '-',
          connection_security_policy: 'unknown',
        },
      },
    ]);
  });

  it.each<[string, Partial<RequestRecord>, Readonly<Record<string, string>>]>([
    [
      'no cluster',
      { cluster: undefined, clusterNamespace: undefined, status: 404, flags: ['NR'] },
      {
        destination_service: 'unknown',
        destination_service_name: 'unknown',
        destination_service_namespace: 'unknown',
        response_code: '404',
        response_flags: 'NR',
      },
    ],
    [
      'a cluster that does not exist',
      { clusterNamespace: undefined, status: 503, flags: ['NC'] },
      {
        destination_service: 'unknown',
        destination_service_name: 'unknown',
        destination_service_namespace: 'unknown',
        response_code: '503',
        response_flags: 'NC',
      },
    ],
    [
      'a ServiceEntry',
      { cluster: 'outbound|443|v1|api.partner.test', clusterNamespace: 'shop' },
      {
        destination_service: 'api.partner.test',
        destination_service_name: 'api.partner.test',
        destination_service_namespace: 'shop',
      },
    ],
    [
      'a host that only looks like a Service',
      { cluster: 'outbound|80||a.other.svc.cluster.local', clusterNamespace: 'shop' },
      { destination_service_name: 'a.other.svc.cluster.local' },
    ],
    ['a client that left', { status: 0, flags: ['DC'] }, { response_code: '0', response_flags: 'DC' }],
    ['several flags', { status: 503, flags: ['UF', 'URX'] }, { response_flags: 'UF,URX' }],
    ['a status that gRPC did not say', { grpcStatus: 14 }, { grpc_response_status: '', request_protocol: 'http' }],
  ])('say of %s what Istio says', async (_, changes, expected) => {
    const { log, series } = counting();
    log(fakeRecord(changes));
    expect(requests(await series())).toMatchObject([{ labels: expected, value: 1 }]);
  });

  it('tell gRPC by its content type, and its status where there is one', async () => {
    const { log, grpc, series } = counting();
    log(grpc(fakeRecord({ grpcStatus: 5 })), grpc(fakeRecord({ status: 0, flags: ['DC'] })));
    expect(
      requests(await series()).map(({ labels }) => [labels['request_protocol'], labels['grpc_response_status']]),
    ).toEqual([
      ['grpc', '5'],
      ['grpc', ''],
    ]);
  });

  it('fill histograms with Envoy’s bounds', async () => {
    const { log, series } = counting();
    log(fakeRecord({ durationMs: 0.5, bytesReceived: 0, bytesSent: 4_000_000 }), fakeRecord({ durationMs: 26 }));
    const all = await series();
    const value = (name: string, le?: string) => all.find((one) => one.name === name && one.labels['le'] === le)?.value;
    const duration = 'istio_request_duration_milliseconds';
    expect(['0.5', '25', '50', '3600000', '+Inf'].map((le) => value(`${duration}_bucket`, le))).toEqual([
      1, 1, 2, 2, 2,
    ]);
    expect([value(`${duration}_sum`), value(`${duration}_count`)]).toEqual([26.5, 2]);
    expect([value('istio_request_bytes_sum'), value('istio_response_bytes_sum')]).toEqual([3, 4_000_017]);
    expect(all.filter(({ name }) => name === 'istio_response_bytes_bucket')).toHaveLength(20);
  });

  it('keep their label sets bounded, and count the rest by class of status (edge-security G-03)', async () => {
    const { log, series } = counting();
    for (let i = 0; i < 700; i++)
      log(fakeRecord({ cluster: `outbound|80||s${i}.shop.svc.cluster.local`, status: i % 2 === 0 ? 200 : 503 }));
    const all = requests(await series());
    expect(all).toHaveLength(502);
    expect(
      all
        .filter(({ labels }) => labels['destination_service'] === 'other')
        .map(({ labels, value }) => [labels['response_code'], value]),
    ).toEqual([
      ['2xx', 100],
      ['5xx', 100],
    ]);
    expect(all.reduce((sum, { value }) => sum + value, 0)).toBe(700);
  });

  it('are added up over workers, and shown the same twice', async () => {
    const [one, two] = [counting(), counting()];
    one.log(fakeRecord(), fakeRecord({ durationMs: 3 }));
    two.log(fakeRecord());
    const parts = await Promise.all([one, two].map(({ registry }) => registry.getMetricsAsJSON()));
    const sum = seriesIn(await AggregatorRegistry.aggregate<typeof Registry.PROMETHEUS_CONTENT_TYPE>(parts).metrics());
    expect(requests(sum)).toMatchObject([{ value: 3, labels: { destination_service_name: 'cart' } }]);
    expect(sum.filter(({ name }) => name === 'istio_request_bytes_bucket')).toHaveLength(20);
    expect(await one.series()).toEqual(await one.series());
  });

  it('name the service of a refused request, as the cluster is chosen with the route', async () => {
    const registry = new Registry();
    const refuses = `---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: closed, namespace: istio-system }
spec: {}
`;
    const rule = '- match: [{ uri: { prefix: /cart } }]\n  route: [{ destination: { host: cart.test } }]';
    const plugins = [metrics(registry, { istio: workload }), authorization] as readonly GatewayPlugin[];
    const gateway = await startGateway(`${frame({ cart: 1 })}${virtualService('web', rule)}${refuses}`, { plugins });
    try {
      for (const path of ['/cart', '/elsewhere']) await fetch(`http://127.0.0.1:${gateway.port}${path}`);
      expect(requests(seriesIn(await registry.metrics()))).toMatchObject([
        { labels: { destination_service: 'cart.test', destination_service_namespace: 'team', response_code: '403' } },
        { labels: { destination_service: 'unknown', response_code: '403' } },
      ]);
    } finally {
      await gateway.close();
    }
  });

  it('come from a gateway as Prometheus reads them', async () => {
    const registry = new Registry();
    const text = `${frame({ cart: 1 })}${virtualService('web', '- match: [{ uri: { prefix: /cart } }]\n  route: [{ destination: { host: cart.test } }]')}`;
    const gateway = await startGateway(text, { plugins: [metrics(registry, { istio: workload })] });
    try {
      for (const path of ['/cart', '/elsewhere']) await (await fetch(`http://127.0.0.1:${gateway.port}${path}`)).text();
      const shown = await registry.metrics();
      expect(requests(seriesIn(shown))).toMatchObject([
        { labels: { destination_service: 'cart.test', destination_service_namespace: 'team', response_code: '503' } },
        { labels: { destination_service: 'unknown', response_code: '404', response_flags: 'NR' } },
      ]);
      const { status, error, stderr } = spawnSync(PROMTOOL, ['check', 'metrics'], { input: shown, encoding: 'utf8' });
      // Skipped where it is not installed. 3: remarks of style; Istio's names have units that are no base units.
      if (error === undefined)
        expect([
          status,
          stderr.split('\n').filter((line) => !/^istio_request_duration_milliseconds use base unit|^$/.test(line)),
        ]).toEqual([3, []]);
    } finally {
      await gateway.close();
    }
  });
});
