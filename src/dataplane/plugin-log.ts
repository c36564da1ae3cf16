import { format } from 'node:util';
import type { FastifyBaseLogger } from 'fastify';

type Fields = Readonly<Record<string, string | number | boolean>>;

/** A line for the operator. */
export type PluginLine = (level: 'info' | 'warn' | 'error', message: string, fields: Fields) => void;

/**
 * `app.log` as plugins know it from Fastify, into the gateway's own log: `warn('text')`, `warn({ field }, 'text')`,
 * `error(error)`. Lower levels than info are for whoever develops a plugin, and say nothing here.
 */
export function pluginLog(line: PluginLine): FastifyBaseLogger {
  const at =
    (level: 'info' | 'warn' | 'error') =>
    (first: unknown, ...rest: unknown[]): void =>
      typeof first === 'string' ? line(level, format(first, ...rest), {}) : lineOf(line, level, first, rest);
  const silent = (): void => {};
  const log = { level: 'info', info: at('info'), warn: at('warn'), error: at('error'), fatal: at('error') };
  const whole = { ...log, debug: silent, trace: silent, silent, child: () => whole as FastifyBaseLogger };
  return whole as FastifyBaseLogger;
}

function lineOf(line: PluginLine, level: 'info' | 'warn' | 'error', what: unknown, rest: readonly unknown[]): void {
  const fields = fieldsOf(what);
  const message = rest.length > 0 ? format(...rest) : what instanceof Error ? what.message : 'a plugin says';
  line(level, message, fields);
}

/** Plain values, one level deep; of an error its stack. */
function fieldsOf(what: unknown): Fields {
  if (what instanceof Error) return { error: what.stack ?? what.message };
  if (typeof what !== 'object' || what === null) return {};
  return Object.fromEntries(
    Object.entries(what).flatMap(([name, value]: [string, unknown]) => {
      if (value instanceof Error) return [[name, value.stack ?? value.message]];
      return ['string', 'number', 'boolean'].includes(typeof value) ? [[name, value as string]] : [];
    }),
  );
}
