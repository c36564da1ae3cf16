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
  const lineOf = format === 'json' ? jsonLine : textLine;
  const log = (record: RequestRecord): void => writer.write(lineOf(record));
  const logSome = (record: RequestRecord): void => {
    const notable = isNotable(record);
    if (notable || isSampled(record.requestId, sampling)) writer.write(lineOf(record, notable ? 1 : sampling));
    else sampledOut.count += 1;
  };
  const connectionLineOf = format === 'json' ? jsonConnectionLine : textConnectionLine;
  const logConnection = (record: ConnectionRecord): void => writer.write(connectionLineOf(record));
  const logSomeConnections = (record: ConnectionRecord): void => {
    const notable = isNotableConnection(record);
    if (notable || isSampled(record.connectionId, sampling))
      writer.write(connectionLineOf(record, notable ? 1 : sampling));
    else sampledOut.count += 1;
  };
  return sampling < 1
    ? { name: accessLogSpec.name, always: true, log: logSome, logConnection: logSomeConnections }
    : { name: accessLogSpec.name, always: true, log, logConnection };
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
