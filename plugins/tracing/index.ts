import fp from 'fastify-plugin';
import { Counter, type Registry } from 'prom-client';
import { type Filter, type GatewayPlugin, Note, tellBy } from '../../src/contract/index.ts';
import { tracingSpec } from './config.ts';
import { readTraceParent, unrecorded, writeTraceParent } from './trace-context.ts';
import type { RequestSpan, RequestTracer } from './tracer.ts';

export interface TracingOptions {
  /** Base address of an OTLP/HTTP collector; undefined: no tracing, and headers are left alone. */
  readonly endpoint: string | undefined;
  /** Share of the traces that begin here, in percent; a caller's own decision comes first. */
  readonly samplingPercent: number;
}

/** `random` in [0, 1). */
export function createTracingFilter(
  tracer: RequestTracer,
  samplingPercent: number,
  random: () => number = Math.random,
): Filter {
  const spans = new Note<RequestSpan>();
  return {
    name: tracingSpec.name,
    always: true,
    prepare({ headers, record }) {
      const caller = readTraceParent(headers.getAll('traceparent'));
      // A state without a trace that it belongs to says nothing (W3C Trace Context §4.3).
      if (caller === undefined) headers.remove('tracestate');
      const sampled = caller?.sampled ?? random() * 100 < samplingPercent;
      const span = sampled ? tracer.start(caller, record) : undefined;
      if (span !== undefined) spans.set(record, span);
      const own = span?.parent ?? unrecorded(caller);
      headers.set('traceparent', writeTraceParent(own));
      record.traceId = own.traceId;
    },
    log(record) {
      spans.get(record)?.end(record);
    },
  };
}

/** Spans of requests, for an OpenTelemetry collector. Off until an endpoint is given. */
export const tracing = ({ endpoint, samplingPercent }: TracingOptions, registry?: Registry): GatewayPlugin => ({
  spec: tracingSpec,
  plugin: fp(
    async (app) => {
      if (endpoint === undefined) {
        app.banyan.contribute({ name: tracingSpec.name });
        return;
      }
      // Loaded only where it is used: OpenTelemetry's SDK is large.
      const { createRequestTracer } = await import('./tracer.ts');
      const tracer = createRequestTracer(endpoint, tellBy(app.log));
      if (registry !== undefined) registerCounts(registry, tracer);
      app.addHook('onClose', () => tracer.close());
      app.banyan.contribute(createTracingFilter(tracer, samplingPercent));
    },
    { name: 'banyan-tracing' },
  ),
});

function registerCounts(registry: Registry, { counts }: RequestTracer): void {
  new Counter({
    name: 'banyan_trace_spans_total',
    help: 'Spans that the collector took, and those that it did not.',
    labelNames: ['outcome'],
    registers: [registry],
    collect() {
      this.reset();
      this.inc({ outcome: 'exported' }, counts.exported);
      this.inc({ outcome: 'failed' }, counts.failed);
    },
  });
}
