import { type Diagnostic, formatPlace } from '../diagnostics/diagnostic.ts';
import { report } from '../diagnostics/report.ts';
import { byEach, compareNumbers, compareStrings } from '../kernel/compare.ts';
import type { Resource } from '../resources/kinds.ts';
import type { FileContent } from './file-state.ts';
import { keyOf } from './last-good.ts';
import type { FrozenFile } from './source.ts';

/** A file's part in the whole. */
export interface FileShare {
  readonly file: string;
  readonly namespace: string | undefined;
  readonly content: FileContent;
  /** Last good objects that it keeps in service. */
  readonly kept: readonly Resource[];
  /** Since when it keeps any; undefined: it keeps none. */
  readonly frozenSinceMs: number | undefined;
}

export interface Merged {
  /** One of each kind, namespace and name. */
  readonly objects: readonly Resource[];
  readonly diagnostics: readonly Diagnostic[];
  readonly frozen: readonly FrozenFile[];
}

interface Candidate {
  readonly object: Resource;
  readonly file: string;
  /** A last good version: whatever is wrong with it was said when it was new. */
  readonly kept: boolean;
}

/** Of two objects of one name the older stays, as it would in a cluster; without ages, that of the file that comes first. */
const byRight = byEach<Candidate>(
  (a, b) => compareNumbers(a.object.meta.creationTimestampMs, b.object.meta.creationTimestampMs),
  (a, b) => compareStrings(a.file, b.file),
);

/** All files together. `files` in order of their names. */
export function mergeFiles(files: Iterable<FileShare>): Merged {
  const winners = new Map<string, Candidate>();
  const diagnostics: Diagnostic[] = [];
  const frozen: FrozenFile[] = [];
  const losers: (readonly [key: string, Candidate])[] = [];
  const enter = (candidate: Candidate): void => {
    const key = keyOf(candidate.object.ref);
    const rival = winners.get(key);
    if (rival === undefined || byRight(candidate, rival) < 0) winners.set(key, candidate);
    if (rival !== undefined) losers.push([key, byRight(candidate, rival) < 0 ? rival : candidate]);
  };
  for (const { file, namespace, content, kept, frozenSinceMs } of files) {
    for (const finding of content.diagnostics) diagnostics.push(finding);
    for (const object of content.objects) enter({ object, file, kept: false });
    for (const object of kept) enter({ object, file, kept: true });
    if (frozenSinceMs !== undefined)
      frozen.push({
        file,
        namespace: namespace ?? kept[0]?.meta.namespace ?? '',
        sinceMs: frozenSinceMs,
        reason: reasonOfFreeze(content),
      });
  }
  for (const [key, loser] of losers)
    if (!loser.kept) diagnostics.push(duplicate(loser.object, (winners.get(key) as Candidate).object));
  return { objects: [...winners.values()].map((winner) => winner.object), diagnostics, frozen };
}

function reasonOfFreeze(content: FileContent): string {
  const finding = content.diagnostics.find((candidate) => candidate.refused);
  const line = finding?.location === undefined ? '' : `line ${finding.location.line}: `;
  return `${line}${finding?.message ?? 'a document is refused'}`;
}

function duplicate(loser: Resource, winner: Resource): Diagnostic {
  const place = winner.origin.locate(['metadata', 'name']);
  return report('duplicate-object', {
    message: `${loser.kind} ${loser.meta.name} is also defined in ${formatPlace(place)}, which ${
      winner.meta.creationTimestampMs < loser.meta.creationTimestampMs ? 'is older' : 'comes first'
    } and is the one applied`,
    object: loser.ref,
    field: ['metadata', 'name'],
    location: loser.origin.locate(['metadata', 'name']),
    refused: true,
    related: [{ message: 'this one is applied', object: winner.ref, location: place }],
  });
}
