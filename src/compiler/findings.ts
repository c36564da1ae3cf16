import type { Diagnostic } from '../diagnostics/index.ts';
import { formatFieldPath } from '../diagnostics/index.ts';
import { by, byEach, type Comparator, compareNumbers, compareStrings } from '../kernel/compare.ts';

/** More about one object than anybody reads (architecture.md §5 no. 8). */
const MOST_PER_OBJECT = 100;

/** All findings, each once however many servers it shows at, in an order that input order does not change. */
export function collectFindings(lists: readonly (readonly Diagnostic[])[]): readonly Diagnostic[] {
  const once = new Map<string, Diagnostic>();
  for (const list of lists) for (const finding of list) once.set(identityOf(finding), finding);
  const sorted = [...once.values()].sort(inOrder);
  const counts = new Map<string, number>();
  return sorted.filter((finding) => {
    const key = objectKey(finding);
    const count = (counts.get(key) ?? 0) + 1;
    counts.set(key, count);
    return count <= MOST_PER_OBJECT;
  });
}

export const objectKey = ({ object }: Pick<Diagnostic, 'object'>): string =>
  object === undefined ? '' : `${object.kind} ${object.namespace}/${object.name}`;

const identityOf = (finding: Diagnostic): string =>
  [
    finding.code,
    objectKey(finding),
    formatFieldPath(finding.field ?? []),
    finding.message,
    ...(finding.related ?? []).map((place) => `${objectKey(place)} ${place.location?.line ?? ''}`),
  ].join('\0');

/** The most severe first where an object has too many; then as its file goes. */
const SEVERITY: Readonly<Record<Diagnostic['severity'], number>> = { error: 0, warning: 1, hint: 2 };

const inOrder: Comparator<Diagnostic> = byEach(
  by((finding) => finding.location?.file ?? '', compareStrings),
  by(objectKey, compareStrings),
  by((finding) => SEVERITY[finding.severity], compareNumbers),
  by((finding) => finding.location?.line ?? 0, compareNumbers),
  by((finding) => finding.location?.column ?? 0, compareNumbers),
  by((finding) => finding.code, compareStrings),
  by((finding) => finding.message, compareStrings),
);
