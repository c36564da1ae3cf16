import fp from 'fastify-plugin';
import { Counter, type Registry } from 'prom-client';
import {
  type ConnectionRecord,
  type Filter,
  type GatewayPlugin,
  type RequestRecord,
  tellBy,
} from '../../src/contract/index.ts';
import { accessLogSpec } from './config.ts';
import { jsonConnectionLine, textConnectionLine } from './connection-lines.ts';
import { jsonLine, textLine } from './lines.ts';
import { isNotable, isNotableConnection, isSampled } from './sampling.ts';
import { createLineWriter, type LineWriter } from './writer.ts';

export interface AccessLogOptions {
  readonly format: 'json' | 'text' | 'off';
  /** A path, or '-' for standard output. */
  readonly target: string;
  /** Share of the requests that are logged, from 0 to 1, notable ones aside; default: 1. */
  readonly sampling?: number;
}

interface SampledOut {
  count: number;
}

export function createAccessLogFilter(
  format: 'json' | 'text',
  writer: LineWriter,
  sampling = 1,
  sampledOut: SampledOut = { count: 0 },
): Filter {
  const logger = <R>(
    lineOf: (record: R, share?: number) => string,
    notable: (record: R) => boolean,
    idOf: (record: R) => string,
  ): ((record: R) => void) => {
    if (sampling >= 1) return (record) => writer.write(lineOf(record));
    return (record) => {
      const always = notable(record);
      if (always || isSampled(idOf(record), sampling)) writer.write(lineOf(record, always ? 1 : sampling));
      else sampledOut.count += 1;
    };
  };
  const [lineOf, connectionLineOf] =
    format === 'json' ? [jsonLine, jsonConnectionLine] : [textLine, textConnectionLine];
  return {
    name: accessLogSpec.name,
    always: true,
    log: logger<RequestRecord>(lineOf, isNotable, ({ requestId }) => requestId),
    logConnection: logger<ConnectionRecord>(connectionLineOf, isNotableConnection, ({ connectionId }) => connectionId),
  };
}

/** A line for every request and every raw connection, or for a share of them, refused ones included, with whose route it met and what became of it. */
export function accessLog(options: AccessLogOptions, registry?: Registry): GatewayPlugin {
  return {
    spec: accessLogSpec,
    plugin: fp(
      async (app) => {
        const { format, target } = options;
        if (format === 'off') {
          app.banyan.contribute({ name: accessLogSpec.name });
          return;
        }
        const writer = createLineWriter(target, tellBy(app.log));
        const sampledOut: SampledOut = { count: 0 };
        if (registry !== undefined) registerCounts(registry, writer, sampledOut);
        app.addHook('onClose', () => writer.close());
        app.banyan.contribute(createAccessLogFilter(format, writer, options.sampling, sampledOut));
      },
      { name: 'banyan-access-log' },
    ),
  };
}

function registerCounts(registry: Registry, writer: LineWriter, sampledOut: SampledOut): void {
  const counter = (name: string, help: string, read: () => number): void => {
    new Counter({
      name,
      help,
      registers: [registry],
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  };
  counter(
    'banyan_access_log_dropped_total',
    'Lines of the access log that were dropped because its target was too slow or could not be written.',
    () => writer.dropped,
  );
  counter(
    'banyan_access_log_sampled_out_total',
    'Requests and raw connections without a line in the access log, as --access-log-sampling says.',
    () => sampledOut.count,
  );
}
