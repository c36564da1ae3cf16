import { ROOT_CONTEXT, type Span, SpanKind, SpanStatusCode, TraceFlags, trace } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { AlwaysOnSampler, BatchSpanProcessor, type SpanExporter, TracerProvider } from '@opentelemetry/sdk-trace';
import { Outage, type RequestRecord, redactTarget, redactTokens, type Tell } from '../../src/contract/index.ts';
import type { TraceParent } from './trace-context.ts';

/** Spans that may wait for the collector; beyond it they are dropped, and no request is held up. */
const MAX_WAITING_SPANS = 4096;
const MAX_BATCH = 512;
const SEND_AFTER_MS = 1_000;
const SEND_TIMEOUT_MS = 5_000;
const CLOSE_TIMEOUT_MS = 2_000;
const MAX_TEXT = 1_024;

/** A span of a request, from its head to its end. */
export interface RequestSpan {
  /** What goes upstream. */
  readonly parent: TraceParent;
  end(record: RequestRecord): void;
}

export interface RequestTracer {
  start(parent: TraceParent | undefined, record: RequestRecord): RequestSpan;
  readonly counts: { readonly exported: number; readonly failed: number };
  close(): Promise<void>;
}

/** Sends spans to a collector as OTLP over HTTP. Whether a request is sampled has been decided before a span is made. */
export function createRequestTracer(endpoint: string, tell: Tell = () => {}): RequestTracer {
  const counts = { exported: 0, failed: 0 };
  const exporter = counted(
    new OTLPTraceExporter({ url: tracesUrl(endpoint), timeoutMillis: SEND_TIMEOUT_MS }),
    counts,
    new Outage(OUTAGE, tell),
  );
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'banyan' }),
    sampler: new AlwaysOnSampler(),
    spanLimits: { attributeValueLengthLimit: MAX_TEXT },
    spanProcessors: [
      new BatchSpanProcessor({
        exporter,
        maxQueueSize: MAX_WAITING_SPANS,
        maxExportBatchSize: MAX_BATCH,
        scheduledDelayMillis: SEND_AFTER_MS,
        exportTimeoutMillis: SEND_TIMEOUT_MS,
      }),
    ],
  });
  const tracer = provider.getTracer('banyan');
  return {
    counts,
    start(parent, record) {
      const options = { kind: SpanKind.SERVER, startTime: record.startedAtMs };
      const context =
        parent === undefined
          ? ROOT_CONTEXT
          : trace.setSpanContext(ROOT_CONTEXT, { ...parent, traceFlags: TraceFlags.SAMPLED, isRemote: true });
      const span = tracer.startSpan(record.method, options, context);
      const { traceId, spanId } = span.spanContext();
      return { parent: { traceId, spanId, sampled: true }, end: (ended) => endSpan(span, ended) };
    },
    async close() {
      const patience = new Promise<void>((resolve) => void setTimeout(resolve, CLOSE_TIMEOUT_MS).unref());
      await Promise.race([provider.shutdown().catch(() => {}), patience]);
    },
  };
}

/** `http://collector:4318` is the collector; what has a path is meant as it is. */
function tracesUrl(endpoint: string): string {
  const url = new URL(endpoint);
  if (url.pathname === '/') url.pathname = '/v1/traces';
  return url.href;
}

const OUTAGE = {
  trouble: 'the collector does not take spans, which are lost',
  over: 'the collector takes spans again',
};

function counted(exporter: SpanExporter, counts: { exported: number; failed: number }, outage: Outage): SpanExporter {
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        if (result.code === 0) {
          counts.exported += spans.length;
          outage.succeeded();
        } else {
          counts.failed += spans.length;
          outage.heard(result.error?.message ?? 'no reason is given');
          outage.failed();
        }
        done(result);
      });
    },
    forceFlush: async () => exporter.forceFlush?.(),
    shutdown: () => exporter.shutdown(),
  };
}

/** OpenTelemetry's names for HTTP servers. No query, no header: neither may carry credentials into a trace (edge-security G-02). */
function endSpan(span: Span, record: RequestRecord): void {
  const { owner } = record;
  span.setAttributes({
    'http.request.method': record.method,
    'http.response.status_code': record.status,
    'url.scheme': record.scheme,
    'url.path': redactTarget(record.path),
    'server.address': record.authority,
    'client.address': record.clientAddress,
    'network.protocol.version': record.protocol.slice('HTTP/'.length),
    'http.request.body.size': record.bytesReceived,
    'http.response.body.size': record.bytesSent,
    'banyan.request_id': record.requestId,
    'banyan.attempts': record.upstreamAttempts,
    ...defined({
      'user_agent.original': record.userAgent && redactTokens(record.userAgent),
      'banyan.route': record.routeId,
      'banyan.owner.namespace': owner?.namespace,
      'banyan.owner.object': owner && `${owner.kind}/${owner.name}`,
      'banyan.cluster': record.cluster,
      'network.peer.address': record.upstreamAddress,
      'rpc.grpc.status_code': record.grpcStatus,
      'error.type': record.cause ?? (record.status >= 500 ? String(record.status) : undefined),
    }),
    ...(record.policyMarks && { 'banyan.policy_marks': record.policyMarks.map(({ kind, rule }) => `${kind} ${rule}`) }),
    ...(record.flags.length > 0 && { 'banyan.flags': record.flags }),
  });
  if (record.routeId !== undefined) span.updateName(`${record.method} ${record.routeId}`);
  // A client's mistake is none of the server's (OpenTelemetry's rule for server spans).
  if (record.status >= 500 || record.status === 0) span.setStatus({ code: SpanStatusCode.ERROR });
  span.end(record.startedAtMs + record.durationMs);
}

const defined = (values: Readonly<Record<string, string | number | undefined>>): Record<string, string | number> =>
  Object.fromEntries(
    Object.entries(values).filter((entry): entry is [string, string | number] => entry[1] !== undefined),
  );
