import { invariant } from '../kernel/assert.ts';
import { parseDurationMs } from '../kernel/duration.ts';

/** A duration of a decoded resource: its syntax was checked when it was read. */
export function durationMs(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const parsed = parseDurationMs(text);
  invariant(parsed.ok, `a duration passed validation that is none: ${text}`);
  return parsed.value;
}
