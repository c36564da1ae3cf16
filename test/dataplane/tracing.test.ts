import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { Registry } from 'prom-client';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { tracing } from '../../plugins/tracing/index.ts';
import { frame, startGateway, type TestGateway, virtualService } from '../support/gateway.ts';

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly status: { readonly code?: number };
  readonly attributes: readonly { readonly key: string; readonly value: Record<string, unknown> }[];
}

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';

const spans: Span[] = [];
let paths: (string | undefined)[] = [];
let collector: http.Server;
let collectorStatus = 200;
let upstream: http.Server;
let seen: http.IncomingHttpHeaders = {};
let gateway: TestGateway | undefined;
const portOf = (server: http.Server): number => (server.address() as AddressInfo).port;
const listening = (server: http.Server): Promise<void> =>
  new Promise((resolve) => void server.listen(0, '127.0.0.1', resolve));

beforeAll(async () => {
  collector = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      paths.push(request.url);
      const body = JSON.parse(Buffer.concat(chunks).toString()) as {
        resourceSpans: { scopeSpans: { spans: Span[] }[] }[];
      };
      if (collectorStatus === 200)
        spans.push(...body.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)));
      response.writeHead(collectorStatus, { 'content-type': 'application/json' }).end('{}');
    });
  });
  upstream = http.createServer((request, response) => {
    seen = request.headers;
    response.statusCode = request.url === '/broken' ? 500 : 200;
    response.end('ok');
  });
  await Promise.all([listening(collector), listening(upstream)]);
});
afterAll(() => {
  for (const server of [collector, upstream]) {
    server.closeAllConnections();
    server.close();
  }
});
beforeEach(() => {
  spans.length = 0;
  paths = [];
  collectorStatus = 200;
});
afterEach(async () => {
  await gateway?.close();
  gateway = undefined;
});

const told: string[] = [];

async function serve(samplingPercent: number, endpoint: string | undefined, registry?: Registry): Promise<TestGateway> {
  told.length = 0;
  gateway = await startGateway(
    frame({ web: portOf(upstream) }) + virtualService('all', '- route: [{ destination: { host: web.test } }]'),
    {
      plugins: [tracing({ endpoint, samplingPercent }, registry)],
      onPluginLine: (level, message) => told.push(`${level}: ${message}`),
    },
  );
  return gateway;
}

const ask = (port: number, headers: http.OutgoingHttpHeaders = {}, path = '/'): Promise<void> =>
  new Promise((resolve, reject) => {
    http
      .get({ port, path, headers, agent: false }, (response) => {
        response.resume();
        response.on('end', resolve);
      })
      .on('error', reject);
  });

const attributesOf = (span: Span | undefined): Record<string, unknown> =>
  Object.fromEntries((span?.attributes ?? []).map(({ key, value }) => [key, Object.values(value)[0]]));
const collectorUrl = (): string => `http://127.0.0.1:${portOf(collector)}`;

describe('tracing', () => {
  it('goes on with a sampled trace: one span, told to the collector as OTLP, and its id upstream', async () => {
    const { port, records } = await serve(0, collectorUrl());
    await ask(port, { traceparent: `00-${TRACE}-${SPAN}-01`, tracestate: 'a=1' }, '/cart?access_token=s3cret');
    await gateway?.close();
    gateway = undefined;
    const [span] = spans;
    expect(spans).toHaveLength(1);
    expect(paths).toEqual(['/v1/traces']);
    expect(span).toMatchObject({ traceId: TRACE, parentSpanId: SPAN, name: 'GET team/all/0', kind: 2 });
    expect(seen).toMatchObject({ traceparent: `00-${TRACE}-${span?.spanId}-01`, tracestate: 'a=1' });
    expect(records[0]?.traceId).toBe(TRACE);
    expect(attributesOf(span)).toMatchObject({
      'http.request.method': 'GET',
      'http.response.status_code': 200,
      'url.path': '/cart',
      'banyan.owner.namespace': 'team',
      'banyan.cluster': 'outbound|80||web.test',
    });
    expect(JSON.stringify(spans)).not.toContain('s3cret');
    expect(BigInt(span?.endTimeUnixNano ?? 0)).toBeGreaterThanOrEqual(BigInt(span?.startTimeUnixNano ?? 1));
    expect(span?.status.code ?? 0).toBe(0);
  });

  it('goes on with an unsampled trace, and records nothing', async () => {
    const { port } = await serve(100, collectorUrl());
    await ask(port, { traceparent: `00-${TRACE}-${SPAN}-00` });
    expect(seen['traceparent']).toMatch(new RegExp(`^00-${TRACE}-(?!${SPAN})[0-9a-f]{16}-00$`));
    await gateway?.close();
    gateway = undefined;
    expect(spans).toEqual([]);
  });

  it('begins a trace where there is none that is valid, and drops a state that belongs to none', async () => {
    const { port } = await serve(100, collectorUrl());
    await ask(port, { traceparent: `00-${TRACE}-${SPAN}-01-x`, tracestate: 'a=1' }, '/broken');
    await gateway?.close();
    gateway = undefined;
    expect(spans).toHaveLength(1);
    expect(spans[0]?.traceId).not.toBe(TRACE);
    expect(spans[0]?.parentSpanId ?? '').toBe('');
    expect(spans[0]?.status.code).toBe(2);
    expect(seen['tracestate']).toBeUndefined();
    expect(seen['traceparent']).toBe(`00-${spans[0]?.traceId}-${spans[0]?.spanId}-01`);
  });

  it('samples its share of what begins here', async () => {
    const { port } = await serve(0, collectorUrl());
    await ask(port);
    expect(seen['traceparent']).toMatch(/-00$/);
  });

  it('leaves headers alone while it is off', async () => {
    const { port, records } = await serve(100, undefined);
    await ask(port);
    expect(seen['traceparent']).toBeUndefined();
    await ask(port, { traceparent: 'as it is', tracestate: 'a=1' });
    expect(seen).toMatchObject({ traceparent: 'as it is', tracestate: 'a=1' });
    expect(records[0]?.traceId).toBeUndefined();
  });

  it('holds nobody up while the collector is gone or refuses, and counts what is lost', async () => {
    collectorStatus = 400;
    const registry = new Registry();
    const { port, errors } = await serve(100, collectorUrl(), registry);
    await ask(port);
    await expect
      .poll(async () => registry.metrics(), { timeout: 5000 })
      .toContain('banyan_trace_spans_total{outcome="failed"} 1');
    expect(told).toEqual([expect.stringMatching(/^warn: the collector does not take spans, .*: .*Bad Request/)]);
    collectorStatus = 200;
    await ask(port);
    await expect.poll(() => told[1], { timeout: 5000 }).toBe('info: the collector takes spans again');
    expect(errors).toEqual([]);
    await gateway?.close();
    gateway = undefined;
    const unreachable = await serve(100, 'http://127.0.0.1:1');
    await ask(unreachable.port);
    expect(unreachable.errors).toEqual([]);
  });
});
