import type { ConnectionRecord, PolicyMark, RequestRecord } from '../../src/contract/index.ts';

/** What is logged in any case: what failed, what the gateway refused, what a policy marked, and clients that left. */
export const isNotable = ({ status, cause, policyMarks }: RequestRecord): boolean =>
  status >= 500 || status === 0 || (cause !== undefined && status >= 400) || isMarked(policyMarks);

/** Endings of raw connections that were open, as all of them come to one. */
const USUAL_ENDINGS: readonly (string | undefined)[] = [undefined, 'idle-timeout', 'max-duration', 'drained'];

/** The same of raw connections: what was refused, what did not reach its service, what a policy marked. */
export const isNotableConnection = ({ cause, policyMarks }: ConnectionRecord): boolean =>
  !USUAL_ENDINGS.includes(cause) || isMarked(policyMarks);

const isMarked = (marks: readonly PolicyMark[] | undefined): boolean =>
  marks?.some(({ kind }) => kind !== 'dry-run-allowed') === true;

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;
const RANGE = 2 ** 32;

/** The same for one id wherever it is asked, and in whatever order: FNV-1a of 32 bits, its bits then mixed as Murmur3 does. */
export function isSampled(requestId: string, share: number): boolean {
  let hash = FNV_OFFSET;
  for (let i = 0; i < requestId.length; i++) hash = Math.imul(hash ^ requestId.charCodeAt(i), FNV_PRIME);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  hash ^= hash >>> 16;
  return (hash >>> 0) / RANGE < share;
}
