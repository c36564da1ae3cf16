import { err, ok, type Result } from './result.ts';

const UNITS_MS: Readonly<Record<string, number>> = {
  h: 3_600_000,
  m: 60_000,
  s: 1_000,
  ms: 1,
  us: 1e-3,
  µs: 1e-3,
  ns: 1e-6,
};
const WHOLE = /^[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|ms|s|m|h))+$/;
const PART = /(\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h)/g;

/** A Go duration (`1.5s`, `1h30m`, `250ms`), in milliseconds, fractions kept. The error says what was expected. */
export function parseDurationMs(text: string): Result<number, string> {
  if (text === '0') return ok(0);
  if (!WHOLE.test(text))
    return err(`'${text}' is not a duration; write a number with a unit, such as 500ms, 2s or 1h30m`);
  let total = 0;
  for (const [, amount, unit] of text.matchAll(PART)) total += Number(amount) * (UNITS_MS[unit ?? ''] ?? 0);
  return ok(text.startsWith('-') ? -total : total);
}
