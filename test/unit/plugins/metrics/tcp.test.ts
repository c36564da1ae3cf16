import { AggregatorRegistry, Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { createMetricsFilter } from '../../../../plugins/metrics/index.ts';
import type { ConnectionRecord } from '../../../../src/contract/index.ts';
import { fakeConnection } from '../../../support/fake-record.ts';

const workload = { namespace: 'istio-system', labels: { app: 'istio-ingressgateway' } };

function counting(istio = true) {
  const registry = new Registry();
  const filter = createMetricsFilter(registry, { istio: istio ? workload : undefined });
  const linesOf = (text: string): readonly string[] =>
    text.split('\n').filter((line) => /^(banyan|istio)_tcp/.test(line));
  return {
    registry,
    opened: (record: ConnectionRecord): ConnectionRecord => {
      filter.connectionOpened?.(record);
      return record;
    },
    log: (...records: ConnectionRecord[]): void => {
      for (const record of records) filter.logConnection?.(record);
    },
    lines: async () => linesOf(await registry.metrics()),
    linesOf,
  };
}

/** Of Istio's counters: flags, service and value. */
const istio = (lines: readonly string[], name: string): readonly string[] =>
  lines
    .filter((line) => line.startsWith(`istio_tcp_${name}_total`))
    .map((line) => {
      const [, service] = /destination_service="([^"]*)"/.exec(line) ?? [];
      const [, flags] = /response_flags="([^"]*)"/.exec(line) ?? [];
      return `${service} ${flags} ${line.split(' ').at(-1)}`;
    });

describe('raw connections', () => {
  it('are counted by owner, route and outcome, with their bytes', async () => {
    const { log, lines } = counting(false);
    log(
      fakeConnection(),
      fakeConnection({ cause: 'idle-timeout' }),
      fakeConnection({ cause: 'rbac-denied', bytesReceived: 0, bytesSent: 0 }),
      fakeConnection({ cause: 'rbac-denied', bytesReceived: 0, bytesSent: 0 }),
      fakeConnection({ routeId: undefined, owner: undefined, cause: 'no-route', bytesReceived: 0, bytesSent: 0 }),
    );
    expect(await lines()).toEqual([
      'banyan_tcp_connections_total{namespace="shop",route="shop/db/tcp/0",outcome="served"} 1',
      'banyan_tcp_connections_total{namespace="shop",route="shop/db/tcp/0",outcome="idle-timeout"} 1',
      'banyan_tcp_connections_total{namespace="shop",route="shop/db/tcp/0",outcome="rbac-denied"} 2',
      'banyan_tcp_connections_total{namespace="",route="",outcome="no-route"} 1',
      'banyan_tcp_received_bytes_total{namespace="shop",route="shop/db/tcp/0"} 6',
      'banyan_tcp_received_bytes_total{namespace="",route=""} 0',
      'banyan_tcp_sent_bytes_total{namespace="shop",route="shop/db/tcp/0"} 34',
      'banyan_tcp_sent_bytes_total{namespace="",route=""} 0',
    ]);
  });

  it('have their bytes counted as they pass, each once', async () => {
    const { opened, log, lines } = counting();
    const record = opened(fakeConnection({ bytesReceived: 0, bytesSent: 0 }));
    const bytes = async () =>
      (await lines()).filter((line) => /^banyan.*bytes/.test(line)).map((line) => line.split(' ')[1]);
    record.bytesReceived = 10;
    record.bytesSent = 100;
    expect(await bytes()).toEqual(['10', '100']);
    expect(await bytes()).toEqual(['10', '100']);
    record.bytesReceived = 11;
    log(record);
    record.bytesReceived = 99;
    expect(await bytes()).toEqual(['11', '100']);
    const all = await lines();
    expect([istio(all, 'received_bytes'), istio(all, 'sent_bytes')]).toEqual([
      ['db.shop.svc.cluster.local - 11'],
      ['db.shop.svc.cluster.local - 100'],
    ]);
  });

  it('have bounded outcomes, whatever plugins of one’s own make up (edge-security G-03)', async () => {
    const { log, lines } = counting(false);
    for (let i = 0; i < 70; i++) log(fakeConnection({ cause: `own-${i}` }));
    const outcomes = (await lines()).filter((line) => line.startsWith('banyan_tcp_connections_total'));
    expect(outcomes).toHaveLength(51);
    expect(outcomes.at(-1)).toBe(
      'banyan_tcp_connections_total{namespace="shop",route="shop/db/tcp/0",outcome="other"} 20',
    );
  });

  it('have bounded routes', async () => {
    const { log, lines } = counting(false);
    for (let i = 0; i < 20_003; i++) log(fakeConnection({ routeId: `shop/db/tcp/${i}` }));
    expect((await lines()).filter((line) => line.includes('"other"'))).toEqual([
      'banyan_tcp_connections_total{namespace="other",route="other",outcome="served"} 3',
      'banyan_tcp_received_bytes_total{namespace="other",route="other"} 9',
      'banyan_tcp_sent_bytes_total{namespace="other",route="other"} 51',
    ]);
  });
});

// istio-semantics §8
describe('Istio’s metrics of raw connections', () => {
  it('are not there unless they are asked for', async () => {
    const { log, lines } = counting(false);
    log(fakeConnection());
    expect((await lines()).filter((line) => line.startsWith('istio_'))).toEqual([]);
  });

  it('have the labels of an ingress gateway’s: no code and no status, as there is no answer', async () => {
    const { log, lines } = counting();
    log(fakeConnection());
    const [line = ''] = (await lines()).filter((one) => one.startsWith('istio_tcp_connections_opened_total'));
    const labels = Object.fromEntries([...line.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, value]) => [key, value]));
    expect(labels).toEqual({
      reporter: 'source',
      source_workload: 'istio-ingressgateway',
      source_workload_namespace: 'istio-system',
      source_canonical_service: 'istio-ingressgateway',
      source_canonical_revision: 'latest',
      source_app: 'istio-ingressgateway',
      source_version: 'unknown',
      source_cluster: 'unknown',
      source_principal: 'unknown',
      destination_service: 'db.shop.svc.cluster.local',
      destination_service_name: 'db',
      destination_service_namespace: 'shop',
      destination_workload: 'unknown',
      destination_workload_namespace: 'unknown',
      destination_canonical_service: 'unknown',
      destination_canonical_revision: 'latest',
      destination_app: 'unknown',
      destination_version: 'unknown',
      destination_cluster: 'unknown',
      destination_principal: 'unknown',
      request_protocol: 'tcp',
      response_flags: '-',
      connection_security_policy: 'unknown',
    });
  });

  it('tell what is open: opened, and not closed yet', async () => {
    const { opened, log, lines } = counting();
    const [first] = [opened(fakeConnection()), opened(fakeConnection())];
    log(first);
    const all = await lines();
    expect([istio(all, 'connections_opened'), istio(all, 'connections_closed')]).toEqual([
      ['db.shop.svc.cluster.local - 2'],
      ['db.shop.svc.cluster.local - 1'],
    ]);
  });

  it('close a connection where they opened it, whatever flags its end brought', async () => {
    const { opened, log, lines } = counting();
    const record = opened(fakeConnection());
    record.flags.push('DT');
    log(record);
    expect(istio(await lines(), 'connections_closed')).toEqual(['db.shop.svc.cluster.local - 1']);
  });

  it.each<[string, Partial<ConnectionRecord>, string]>([
    ['could not be reached', { flags: ['UF', 'URX'] }, 'db.shop.svc.cluster.local UF,URX 1'],
    ['does not exist', { clusterNamespace: undefined, flags: ['NC'] }, 'unknown NC 1'],
    ['nobody asked for', { cluster: undefined, clusterNamespace: undefined, flags: ['NR'] }, 'unknown NR 1'],
  ])('count as opened and closed at once what never opened: a service that %s', async (_, changes, expected) => {
    const { log, lines } = counting();
    log(fakeConnection(changes));
    const all = await lines();
    expect([istio(all, 'connections_opened'), istio(all, 'connections_closed')]).toEqual([[expected], [expected]]);
  });

  it('keep their label sets bounded', async () => {
    const { log, lines } = counting();
    for (let i = 0; i < 510; i++) log(fakeConnection({ cluster: `outbound|1||s${i}.shop.svc.cluster.local` }));
    const closed = istio(await lines(), 'connections_closed');
    expect(closed).toHaveLength(501);
    expect(closed.at(-1)).toBe('other other 10');
  });

  it('are added up over workers', async () => {
    const [one, two] = [counting(), counting()];
    one.log(fakeConnection());
    two.log(fakeConnection(), fakeConnection());
    const parts = await Promise.all([one, two].map(({ registry }) => registry.getMetricsAsJSON()));
    const sum = await AggregatorRegistry.aggregate<typeof Registry.PROMETHEUS_CONTENT_TYPE>(parts).metrics();
    expect(istio(one.linesOf(sum), 'connections_closed')).toEqual(['db.shop.svc.cluster.local - 3']);
    expect(one.linesOf(sum)).toContain(
      'banyan_tcp_connections_total{namespace="shop",route="shop/db/tcp/0",outcome="served"} 3',
    );
  });
});
