import { parseDurationMs } from '../kernel/duration.ts';
import type { Format } from './schema.ts';

/** What a text of a format must look like, for the message; undefined: it does. */
export function formatMistake(format: Format, text: string): string | undefined {
  switch (format) {
    case 'duration':
      return isDuration(text) ? undefined : 'is no duration; write a number with a unit, such as 500ms, 2s or 1h30m';
    case 'base64':
      return isBase64(text) ? undefined : 'is not base64 (standard alphabet, with padding)';
    case 'date-time':
      return RFC_3339.test(text) && !Number.isNaN(Date.parse(text))
        ? undefined
        : 'is no time; write it as 2026-01-31T12:00:00Z';
  }
}

const RFC_3339 = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[+-]\d{2}:\d{2})$/;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;
/** Durations are 64 bit numbers of nanoseconds: about 292 years. */
const MAX_DURATION_MS = 9_223_372_036_854;

function isDuration(text: string): boolean {
  const parsed = parseDurationMs(text);
  return parsed.ok && Math.abs(parsed.value) <= MAX_DURATION_MS;
}

/** As Go decodes it: line breaks are passed over, the rest is strict. */
function isBase64(text: string): boolean {
  const compact = text.replace(/[\r\n]/g, '');
  return compact.length % 4 === 0 && BASE64.test(compact);
}
