import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { createMetricsFilter } from '../../../../plugins/metrics/index.ts';
import { className, classOf } from '../../../../plugins/metrics/series.ts';
import { fakeRecord } from '../../../support/fake-record.ts';

function counting() {
  const registry = new Registry();
  const filter = createMetricsFilter(registry);
  return {
    log: (...records: ReturnType<typeof fakeRecord>[]): void => {
      for (const record of records) filter.log?.(record);
    },
    lines: async () => (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#')),
  };
}

describe('metrics', () => {
  it('counts by owner, route and class of status', async () => {
    const { log, lines } = counting();
    log(
      fakeRecord(),
      fakeRecord({ status: 204 }),
      fakeRecord({ status: 503, upstreamAttempts: 3 }),
      fakeRecord({ status: 0 }),
    );
    const all = await lines();
    expect(all).toContain('banyan_requests_total{namespace="shop",route="shop/web/0",code="2xx"} 2');
    expect(all).toContain('banyan_requests_total{namespace="shop",route="shop/web/0",code="5xx"} 1');
    expect(all).toContain('banyan_requests_total{namespace="shop",route="shop/web/0",code="0"} 1');
    expect(all).toContain('banyan_upstream_retries_total{namespace="shop",route="shop/web/0"} 2');
    expect(all).toContain('banyan_request_bytes_total{namespace="shop",route="shop/web/0"} 12');
    expect(all).toContain('banyan_response_bytes_total{namespace="shop",route="shop/web/0"} 68');
  });

  it('counts requests without a route under empty labels, and our own answers by cause', async () => {
    const { log, lines } = counting();
    log(fakeRecord({ routeId: undefined, owner: undefined, status: 404, cause: 'no-route' }));
    const all = await lines();
    expect(all).toContain('banyan_requests_total{namespace="",route="",code="4xx"} 1');
    expect(all).toContain('banyan_gateway_answers_total{cause="no-route"} 1');
  });

  it('fills a cumulative histogram by namespace, edges included', async () => {
    const { log, lines } = counting();
    log(
      fakeRecord({ durationMs: 1 }),
      fakeRecord({ durationMs: 1.01 }),
      fakeRecord({ durationMs: 60_000, routeId: 'shop/web/1' }),
    );
    const all = await lines();
    const bucket = (le: string) =>
      all
        .find((line) => line.startsWith(`banyan_request_duration_seconds_bucket{le="${le}",namespace="shop"}`))
        ?.split(' ')[1];
    expect([bucket('0.001'), bucket('0.0025'), bucket('30'), bucket('+Inf')]).toEqual(['1', '2', '2', '3']);
    expect(all).toContain('banyan_request_duration_seconds_count{namespace="shop"} 3');
  });

  it('shows the same twice: a scrape takes nothing away', async () => {
    const { log, lines } = counting();
    log(fakeRecord());
    expect(await lines()).toEqual(await lines());
  });

  it('keeps its labels bounded, whatever is asked (edge-security G-03)', async () => {
    const { log, lines } = counting();
    for (let i = 0; i < 2_000; i++)
      log(
        fakeRecord({
          originalTarget: `/${i}`,
          path: `/${i}`,
          authority: `h${i}.test`,
          method: `M${i}`,
          userAgent: `${i}`,
          cause: `made-up-${i}`,
        }),
      );
    const all = await lines();
    expect(all.filter((line) => line.startsWith('banyan_requests_total'))).toHaveLength(1);
    expect(all.filter((line) => line.startsWith('banyan_gateway_answers_total')).length).toBeLessThanOrEqual(201);
    expect(all).toContain('banyan_gateway_answers_total{cause="other"} 1800');
  });

  it('tells at most 20,000 routes apart and counts the rest together', async () => {
    const { log, lines } = counting();
    for (let i = 0; i < 20_100; i++) log(fakeRecord({ routeId: `shop/web/${i}` }));
    const counted = (await lines()).filter((line) => line.startsWith('banyan_requests_total'));
    expect(counted).toHaveLength(20_001);
    expect(counted).toContain('banyan_requests_total{namespace="other",route="other",code="2xx"} 100');
  });

  it('writes names of teams as plain data (edge-security M-10)', async () => {
    const { log, lines } = counting();
    log(fakeRecord({ routeId: 'a"}\n{b="\\', owner: { ...fakeRecord().owner, namespace: '__proto__' } as never }));
    expect(await lines()).toContain(
      String.raw`banyan_requests_total{namespace="__proto__",route="a\"}\n{b=\"\\",code="2xx"} 1`,
    );
  });

  it('has a class for every status there is', () => {
    expect([0, 99, 100, 204, 308, 499, 599, 600, 999].map((status) => className(classOf(status)))).toEqual([
      '0',
      '0',
      '1xx',
      '2xx',
      '3xx',
      '4xx',
      '5xx',
      '0',
      '0',
    ]);
  });
});
