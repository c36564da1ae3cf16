import fp from 'fastify-plugin';
import { Counter, type Registry } from 'prom-client';
import type { Filter, GatewayPlugin } from '../../src/contract/index.ts';
import { accessLogSpec } from './config.ts';
import { jsonLine, textLine } from './lines.ts';
import { createLineWriter, type LineWriter } from './writer.ts';

export interface AccessLogOptions {
  readonly format: 'json' | 'text' | 'off';
  /** A path, or '-' for standard output. */
  readonly target: string;
}

export function createAccessLogFilter(format: 'json' | 'text', writer: LineWriter): Filter {
  const lineOf = format === 'json' ? jsonLine : textLine;
  return {
    name: accessLogSpec.name,
    always: true,
    log: (record) => writer.write(lineOf(record)),
  };
}

/** A line for every request, refused ones included, with whose route it met and what became of it. */
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
        const writer = createLineWriter(target);
        if (registry !== undefined) registerDropped(registry, writer);
        app.addHook('onClose', () => writer.close());
        app.banyan.contribute(createAccessLogFilter(format, writer));
      },
      { name: 'banyan-access-log' },
    ),
  };
}

function registerDropped(registry: Registry, writer: LineWriter): void {
  new Counter({
    name: 'banyan_access_log_dropped_total',
    help: 'Lines of the access log that were dropped because its target was too slow or could not be written.',
    registers: [registry],
    collect() {
      this.reset();
      this.inc(writer.dropped);
    },
  });
}
