/** A line for the operator. Fields are plain values; never key material, never a token. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

const LEVELS = ['debug', 'info', 'warn', 'error'] as const;
type Level = (typeof LEVELS)[number];

export interface LogOptions {
  readonly format: 'json' | 'text';
  readonly level: Level;
  readonly nowMs: () => number;
  readonly write: (line: string) => void;
}

/** A line per message: JSON for machines, or `12:00:00 WARN message key=value` for people. */
export function createLog({ format, level, nowMs, write }: LogOptions): Log {
  const at =
    (of: Level) =>
    (message: string, fields: LogFields = {}): void => {
      if (LEVELS.indexOf(of) < LEVELS.indexOf(level)) return;
      const time = new Date(nowMs()).toISOString();
      write(
        format === 'json'
          ? `${JSON.stringify({ time, level: of, message, ...fields })}\n`
          : textLine(time, of, message, fields),
      );
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

function textLine(time: string, level: Level, message: string, fields: LogFields): string {
  const details = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(
      ([key, value]) => `  ${key}=${typeof value === 'string' && /[\s"=]/.test(value) ? JSON.stringify(value) : value}`,
    );
  return `${time.slice(11, 19)} ${level.toUpperCase().padEnd(5)} ${message}${details.join('')}\n`;
}
