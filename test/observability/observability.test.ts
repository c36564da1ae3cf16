import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { gatewayPlugins } from '../../plugins/index.ts';
import { registerCertificateMetrics } from '../../src/admin/certificate-metrics.ts';
import { registerExemptionMetrics } from '../../src/admin/exemption-metrics.ts';
import { registerControlMetrics, registerProcessMetrics } from '../../src/admin/own-metrics.ts';
import { measurePropagation } from '../../src/admin/propagation-metrics.ts';
import { registerUpstreamMetrics } from '../../src/admin/upstream-metrics.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { frame, startGateway, type TestGateway, virtualService } from '../support/gateway.ts';

const root = path.resolve(import.meta.dirname, '../..');
const folder = path.join(root, 'deploy/observability');
const rules = readFileSync(path.join(folder, 'prometheus-rules.yaml'), 'utf8');
const dashboard = readFileSync(path.join(folder, 'grafana-dashboard.json'), 'utf8');

/** Registered where a cluster is read and where workers run; their names are read from the code. */
const ELSEWHERE = ['src/admin/cluster-metrics.ts', 'src/main/worker-pool.ts'];

const registry = new Registry();
const known = new Set<string>();
let gateway: TestGateway;
let shown = '';

beforeAll(async () => {
  const plugins = gatewayPlugins({
    accessLog: { format: 'json', target: '/dev/null', sampling: 0.5 },
    registry,
    redisUrl: 'redis://127.0.0.1:1',
    metrics: { istio: { namespace: 'istio-system', labels: {} } },
    tracing: { endpoint: 'http://127.0.0.1:1', samplingPercent: 0 },
  });
  gateway = await startGateway(frame({}) + virtualService('all', '- directResponse: { status: 204 }'), { plugins });
  registerProcessMetrics(registry, () => gateway.gateway.connections());
  registerUpstreamMetrics(registry, () => gateway.gateway.clusters());
  registerControlMetrics(registry, {
    state: () => undefined,
    counts: () => ({ compilations: 2, failures: 1, lastSuccessAtMs: 1_000 }),
    listeners: () => ({ bound: 1, failed: 0 }),
  });
  registerCertificateMetrics(registry, () => undefined);
  registerExemptionMetrics(registry, () => ({ active: 1, expiring: 0, expired: 2 }));
  const propagation = measurePropagation(registry, systemClock);
  propagation.published(systemClock.monotonicMs());
  propagation.handedOver('r1')(0);
  await fetch(`http://127.0.0.1:${gateway.port}/`);
  shown = await registry.metrics();
  for (const [, name = '', kind] of shown.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    known.add(name);
    if (kind === 'histogram') for (const suffix of ['_bucket', '_sum', '_count']) known.add(name + suffix);
  }
  for (const file of ELSEWHERE) {
    const text = readFileSync(path.join(root, file), 'utf8');
    for (const [, name = ''] of text.matchAll(/'(banyan_[a-z_]+)'/g)) known.add(name);
  }
});
afterAll(() => gateway.close());

/** Names of metrics in an expression, recorded ones (`level:metric:operation`) taken out first. */
const namesIn = (expression: string): string[] =>
  expression.replaceAll(/\w+:\w+:\w+/g, '').match(/\b(?:banyan|process|nodejs)_[a-z0-9_]+\b/g) ?? [];

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly targets?: readonly { readonly expr: string }[];
}

describe('what is shown of the gateway', () => {
  it('has every metric that the alert rules use, and every rule that others build on', () => {
    const { groups } = parse(rules) as { groups: { rules: { record?: string; alert?: string; expr: string }[] }[] };
    const all = groups.flatMap((group) => group.rules);
    const recorded = new Set(all.flatMap(({ record }) => (record === undefined ? [] : [record])));
    expect(all.flatMap(({ expr }) => namesIn(expr)).filter((name) => !known.has(name))).toEqual([]);
    expect(all.flatMap(({ expr }) => expr.match(/\w+:\w+:\w+/g) ?? []).filter((name) => !recorded.has(name))).toEqual(
      [],
    );
    expect(all.filter(({ expr }) => namesIn(expr).length === 0 && !/\w+:\w+:\w+/.test(expr))).toEqual([]);
  });

  it('has every metric that the dashboard shows', () => {
    const { panels, uid } = JSON.parse(dashboard) as { panels: Panel[]; uid: string };
    const expressions = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
    expect(uid).toBe('banyan-gateway');
    expect(expressions.length).toBeGreaterThan(30);
    expect(expressions.flatMap(namesIn).filter((name) => !known.has(name))).toEqual([]);
    expect(expressions.filter((expression) => namesIn(expression).length === 0)).toEqual([]);
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  });

  it('would not overlook a metric that nobody has', () => {
    expect(namesIn('sum(rate(banyan_pancakes_total[5m]))').filter((name) => !known.has(name))).toEqual([
      'banyan_pancakes_total',
    ]);
  });

  it('is told with help and type', () => {
    for (const name of known) {
      if (!name.startsWith('banyan_') || /_(?:bucket|sum|count)$/.test(name) || !shown.includes(`# TYPE ${name} `))
        continue;
      expect(shown).toContain(`# HELP ${name} `);
    }
  });
});

const PROMTOOL = 'promtool';
const havePromtool = spawnSync(PROMTOOL, ['--version']).status === 0;

describe.skipIf(!havePromtool)('promtool (skipped where it is not installed: package prometheus)', () => {
  it('finds the rules sound, and their examples true', () => {
    execFileSync(PROMTOOL, ['check', 'rules', path.join(folder, 'prometheus-rules.yaml')]);
    execFileSync(PROMTOOL, ['test', 'rules', path.join(import.meta.dirname, 'alerts.test.yaml')]);
  });

  it('takes what is shown', () => {
    const { status, stderr } = spawnSync(PROMTOOL, ['check', 'metrics'], { input: shown, encoding: 'utf8' });
    const ours = stderr.split('\n').filter((line) => line.startsWith('banyan_'));
    expect(ours).toEqual([]);
    // 3: remarks of style, about Node's own names.
    expect([0, 3]).toContain(status);
  });
});
