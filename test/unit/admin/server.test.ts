import { Registry } from 'prom-client';
import { beforeEach, describe, expect, it } from 'vitest';
import { isAllowedHost } from '../../../src/admin/host-check.ts';
import { registerControlMetrics, registerProcessMetrics } from '../../../src/admin/own-metrics.ts';
import { type AdminOptions, buildAdmin, type Readiness } from '../../../src/admin/server.ts';
import type { ControlState } from '../../../src/control/reconciler.ts';
import { SHOP } from '../cli/run.ts';
import { stateOf } from './state.ts';

let state: ControlState | undefined;
let readiness: Readiness;
let app: ReturnType<typeof buildAdmin>;

beforeEach(() => {
  state = {
    ...stateOf(SHOP),
    frozen: [{ file: 'shop/x.yaml', namespace: 'shop', sinceMs: 0, reason: 'line 1: broken' }],
  };
  readiness = { ready: true };
  const registry = new Registry();
  registerProcessMetrics(registry, () => ({ open: 4, activeRequests: 2, refused: { 'too-many': 3 } }));
  registerControlMetrics(registry, {
    state: () => state,
    counts: () => ({ compilations: 3, failures: 1 }),
    listeners: () => ({ bound: 1, failed: 1 }),
  });
  const options: AdminOptions = {
    hosts: ['banyan-admin.infra'],
    readiness: () => readiness,
    state: () => state,
    specs: [],
    portOffset: 0,
    metrics: { contentType: registry.contentType, read: () => registry.metrics() },
  };
  app = buildAdmin(options);
});

const get = (url: string, headers: Readonly<Record<string, string>> = {}) =>
  app.inject({ url, headers: { host: 'localhost:9901', ...headers } });

describe('the admin listener', () => {
  it('lives as soon as it answers, and is ready when it is told', async () => {
    readiness = { ready: false, reason: 'the routes are being read' };
    state = undefined;
    expect((await get('/livez')).statusCode).toBe(200);
    const notYet = await get('/readyz');
    expect([notYet.statusCode, notYet.json()]).toEqual([503, { ready: false, reason: 'the routes are being read' }]);
    expect((await get('/routes')).statusCode).toBe(503);
    expect((await get('/diagnostics')).statusCode).toBe(503);
    expect((await get('/explain?request=http://x/')).statusCode).toBe(503);
    state = stateOf(SHOP);
    readiness = { ready: true };
    const ready = await get('/readyz');
    expect([ready.statusCode, ready.json()]).toEqual([
      200,
      { ready: true, revision: state.compilation.table.revision, generation: 1 },
    ]);
  });

  it('lists routes, and those that are asked for', async () => {
    const all = await get('/routes');
    expect(all.headers['content-type']).toContain('application/json');
    expect(all.json().routes).toHaveLength(3);
    expect(all.json().routes[1]).toMatchObject({
      host: 'shop.example.com',
      path: '/cart/*',
      owner: 'shop/cart',
      destination: 'cart.internal:8080',
    });
    expect((await get('/routes?host=other.example.com')).json().routes).toEqual([]);
    expect((await get('/routes?owner=shop/cart&namespace=shop')).json().routes).toHaveLength(3);
  });

  it('shows findings, frozen files and states of objects', async () => {
    const { 'shop/service.yaml': _gone, ...files } = SHOP;
    state = { ...stateOf(files), frozen: state?.frozen ?? [] };
    expect((await get('/diagnostics')).json()).toMatchObject({
      publishedAt: '1970-01-01T00:00:01.000Z',
      diagnostics: [{ code: 'dangling-destination', file: 'shop/cart.yaml', severity: 'error' }],
      frozen: [{ file: 'shop/x.yaml', since: '1970-01-01T00:00:00.000Z' }],
      heldBack: [],
      statuses: expect.arrayContaining([expect.objectContaining({ state: 'degraded' })]),
    });
  });

  it('explains a request with its headers', async () => {
    const answer = await get(
      `/explain?request=${encodeURIComponent('GET http://shop.example.com/')}&header=${encodeURIComponent('x-preview: pr-7')}&header=x-other:1`,
    );
    expect(answer.json()).toMatchObject({ route: { id: 'shop/cart/preview' }, answer: { status: 418 } });
    const wrong = await get('/explain');
    expect([wrong.statusCode, wrong.json().error]).toEqual([400, expect.stringContaining('/explain?request=')]);
  });

  it('shows metrics in Prometheus’ form', async () => {
    const { body, headers } = await get('/metrics');
    expect(headers['content-type']).toContain('text/plain');
    for (const line of [
      'banyan_config_generation 1',
      `banyan_config_info{revision="${state?.compilation.table.revision}"} 1`,
      'banyan_compilations_total{outcome="failed"} 1',
      'banyan_compilations_total{outcome="ok"} 2',
      'banyan_diagnostics{severity="error"} 0',
      'banyan_frozen_files 1',
      'banyan_in_flight_requests 2',
      'banyan_listeners{state="failed"} 1',
    ])
      expect(body).toContain(line);
    expect(body).toContain('process_cpu_seconds_total');
  });

  it('says where things are', async () => {
    expect((await get('/')).json().paths).toContain('/explain');
    const nothing = await get('/nothing?x');
    expect([nothing.statusCode, nothing.json()]).toEqual([404, { error: 'there is nothing at GET /nothing; see /' }]);
  });

  it.each(['/', '/metrics', '/routes?host=a', '/explain'])('says of %s that it is only read', async (url) => {
    const answer = await app.inject({ method: 'POST', url, headers: { host: 'localhost' } });
    expect([answer.statusCode, answer.headers.allow]).toEqual([405, 'GET, HEAD']);
    expect(answer.json().error).toContain('ask for it by GET');
  });

  it('says in its own form that something is no address', async () => {
    const answer = await get('/%ff');
    expect([answer.statusCode, Object.keys(answer.json())]).toEqual([400, ['error']]);
  });

  it.each([
    ['a foreign Host', 'GET', '/routes', { host: 'evil.example' }, 421],
    ['a foreign Host with our port', 'GET', '/metrics', { host: 'evil.example:9901' }, 421],
    ['a page that would change something', 'POST', '/routes', { origin: 'http://evil.example' }, 403],
    ['a page of its own name, likewise', 'DELETE', '/', { origin: 'http://localhost:9901' }, 403],
  ] as const)('refuses %s', async (_name, method, url, headers, status) => {
    const answer = await app.inject({ method, url, headers: { host: 'localhost', ...headers } });
    expect(answer.statusCode).toBe(status);
  });

  it('lets no other page read, and nobody keep, what it says', async () => {
    const { headers } = await get('/routes', { origin: 'http://evil.example' });
    expect(Object.keys(headers).filter((name) => name.startsWith('access-control-'))).toEqual([]);
    expect(headers).toMatchObject({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
  });
});

describe('the Host that the admin listener may be called by', () => {
  it.each([
    ['localhost'],
    ['localhost:9901'],
    ['127.0.0.1:9901'],
    ['10.1.2.3'],
    ['[::1]:9901'],
    ['[fe80::1]'],
    ['Banyan-Admin.infra:80'],
    [undefined],
  ])('may be %s', (host) => {
    expect(isAllowedHost(host, ['banyan-admin.infra'])).toBe(true);
  });

  it.each([
    [''],
    ['evil.example'],
    ['localhost.evil.example'],
    ['127.0.0.1.evil.example'],
    ['[evil]'],
    ['[::1].evil.example'],
    ['127.1'],
  ])('may not be %j', (host) => {
    expect(isAllowedHost(host, ['banyan-admin.infra'])).toBe(false);
  });
});
