import { randomBytes } from 'node:crypto';

/** What a `traceparent` says (W3C Trace Context, level 2). */
export interface TraceParent {
  /** 32 hex digits. */
  readonly traceId: string;
  /** 16 hex digits: the caller's span. */
  readonly spanId: string;
  readonly sampled: boolean;
}

const SAMPLED = 1;
const FORM = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** undefined: none, several, or one that is not valid; the trace then begins here. */
export function readTraceParent(lines: readonly string[]): TraceParent | undefined {
  const match = lines.length === 1 ? FORM.exec((lines[0] as string).trim()) : null;
  if (match === null) return undefined;
  const [, version = '', traceId = '', spanId = '', flags = '', rest] = match;
  // A later version may have more to say behind; version 00 may not, and ff is none.
  if (version === 'ff' || (version === '00' && rest !== undefined)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & SAMPLED) !== 0 };
}

export const writeTraceParent = ({ traceId, spanId, sampled }: TraceParent): string =>
  `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`;

/** A span that nobody records, of the caller's trace or of a new one: what is behind us can still be told together. */
export function unrecorded(parent: TraceParent | undefined): TraceParent {
  const bytes = randomBytes(24).toString('hex');
  return { traceId: parent?.traceId ?? bytes.slice(0, 32), spanId: bytes.slice(32), sampled: false };
}
