import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import { report } from '../diagnostics/report.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Resource } from '../resources/kinds.ts';
import { type ResourceSet, resourceSet } from '../resources/set.ts';
import { type FileState, namespaceOf, type ReadOptions, readFileState } from './file-state.ts';
import { keepLastGood, keyOf } from './last-good.ts';
import { type FileShare, mergeFiles } from './merge.ts';
import type { SourceSnapshot } from './source.ts';
import {
  type FoundDirectory,
  type FoundFile,
  IGNORE_FILE,
  type Listing,
  limiter,
  type WalkProblem,
  walk,
} from './walk.ts';

/** A file with its memory of better days. */
interface KnownFile {
  readonly state: FileState;
  readonly kept: readonly Resource[];
  readonly frozenSinceMs: number | undefined;
}

export interface StateOptions extends ReadOptions {
  /** Folders that are read although they are marked not to be. */
  readonly include: readonly string[];
}

export interface Applied {
  readonly changed: boolean;
  /** Files that are being written just now; look again after `settleMs`. */
  readonly unsettled: readonly string[];
}

/** A file younger than this may be half written: its last state stays until it has come to rest. */
export const settleMs = 40;
/** But no longer than this: whoever never stops writing is read in passing. */
const SETTLE_LIMIT_MS = 400;
const PARALLEL_READS = 32;

/** What is known of a directory: each look brings a part of it up to date, and whatever did not change keeps its identity. */
export class DirectoryState {
  readonly #root: string;
  readonly #options: StateOptions;
  readonly #files = new Map<string, KnownFile>();
  readonly #directories = new Map<string, FoundDirectory>();
  readonly #problems = new Map<string, Diagnostic>();
  /** By the monotonic clock; what is compared with a file's own time goes by the other. */
  readonly #unsettledSince = new Map<string, number>();
  #resources: ResourceSet | undefined;

  constructor(root: string, options: StateOptions) {
    this.#root = root;
    this.#options = options;
  }

  get directories(): ReadonlyMap<string, FoundDirectory> {
    return this.#directories;
  }

  /** Why nothing at all can be read; undefined: something can. */
  get rootProblem(): string | undefined {
    return this.#problems.get('')?.message;
  }

  /** Reads what is new at and below these places ('' for everything) and forgets what is gone from there, all in one step. */
  async apply(places: readonly string[], clock: Clock): Promise<Applied> {
    const nowMs = clock.nowMs();
    const listing = joined(await Promise.all(places.map((at) => walk(this.#root, at, this.#options.include))));
    const inPlace = (file: string): boolean => places.some((at) => isWithin(file, at));
    const known = this.#files.size === 0 ? [] : [...this.#files.keys()].filter(inPlace);
    const resting = this.#atRest(listing.files, nowMs, clock.monotonicMs());
    const limited = limiter(PARALLEL_READS);
    const read = (found: FoundFile): Promise<FileState> =>
      limited(() => readFileState(found, this.#files.get(found.file)?.state, this.#options, nowMs));
    const states = await Promise.all(resting.map(read));
    const gone = this.#forget(known, listing);
    const lost = gone.flatMap((file) => [...file.state.content.objects, ...file.kept]);
    const departed = new Map(lost.map((object) => [keyOf(object.ref), object]));
    let changed = gone.length > 0;
    for (const state of states) changed = this.#remember(state, departed, nowMs) || changed;
    this.#replaceDirectories(listing.directories, inPlace);
    changed = this.#replaceProblems(listing.problems, inPlace) || changed;
    return { changed, unsettled: [...this.#unsettledSince.keys()].filter(inPlace) };
  }

  snapshot(): SourceSnapshot {
    const shares = [...this.#files.values()].map(share).sort((a, b) => (a.file < b.file ? -1 : 1));
    const merged = mergeFiles(shares);
    this.#resources = resourceSet(merged.objects, this.#resources);
    const nothing = merged.objects.length === 0 ? [nothingToServe(this.#files.size)] : [];
    return {
      resources: this.#resources,
      diagnostics: [...this.#problems.values(), ...nothing, ...merged.diagnostics],
      frozen: merged.frozen,
    };
  }

  /** Those that can be read now; the others are noted as unsettled and keep their last state. */
  #atRest(files: readonly FoundFile[], nowMs: number, monotonicMs: number): readonly FoundFile[] {
    return files.filter((found) => {
      const before = this.#files.get(found.file);
      const ageMs = nowMs - found.stamp.modifiedMs;
      const fresh = ageMs >= 0 && ageMs < (found.stamp.size === 0 ? SETTLE_LIMIT_MS : settleMs);
      const changed = before !== undefined && before.state.found.stamp.key !== found.stamp.key;
      const sinceMs = this.#unsettledSince.get(found.file) ?? monotonicMs;
      if (fresh && changed && monotonicMs - sinceMs < SETTLE_LIMIT_MS) {
        this.#unsettledSince.set(found.file, sinceMs);
        return false;
      }
      this.#unsettledSince.delete(found.file);
      return true;
    });
  }

  /** Removes what is no longer listed, except where the listing failed: what cannot be seen is not gone. */
  #forget(known: readonly string[], listing: Listing): readonly KnownFile[] {
    const listed = new Set(listing.files.map((found) => found.file));
    const blind = listing.problems.filter((problem) => problem.kind === 'unreadable').map((problem) => problem.file);
    const gone: KnownFile[] = [];
    for (const file of known) {
      if (listed.has(file) || blind.some((place) => isWithin(file, place))) continue;
      gone.push(this.#files.get(file) as KnownFile);
      this.#files.delete(file);
      this.#unsettledSince.delete(file);
    }
    return gone;
  }

  #remember(state: FileState, departed: ReadonlyMap<string, Resource>, nowMs: number): boolean {
    const before = this.#files.get(state.found.file);
    if (before?.state === state) return false;
    if (before?.state.content === state.content) {
      this.#files.set(state.found.file, { ...before, state });
      return false;
    }
    const given = before === undefined ? [] : [...before.state.content.objects, ...before.kept];
    const kept = keepLastGood(state.content, given, departed);
    const frozenSinceMs = kept.length === 0 ? undefined : (before?.frozenSinceMs ?? nowMs);
    this.#files.set(state.found.file, { state, kept, frozenSinceMs });
    return true;
  }

  #replaceDirectories(found: readonly FoundDirectory[], inPlace: (file: string) => boolean): void {
    for (const directory of this.#directories.keys()) if (inPlace(directory)) this.#directories.delete(directory);
    for (const directory of found) this.#directories.set(directory.directory, directory);
  }

  #replaceProblems(problems: readonly WalkProblem[], inPlace: (file: string) => boolean): boolean {
    const before = [...this.#problems.keys()].filter(inPlace);
    const now = problems.map((problem) => [problem.file, problemFinding(problem)] as const);
    const same =
      before.length === now.length &&
      now.every(([file, finding]) => this.#problems.get(file)?.message === finding.message);
    if (same) return false;
    for (const file of before) this.#problems.delete(file);
    for (const [file, finding] of now) this.#problems.set(file, finding);
    return true;
  }
}

const joined = (listings: readonly Listing[]): Listing => ({
  files: listings.flatMap((listing) => listing.files),
  directories: listings.flatMap((listing) => listing.directories),
  problems: listings.flatMap((listing) => listing.problems),
});

/** `place` itself, or below it; everything is within ''. */
const isWithin = (file: string, place: string): boolean =>
  place === '' || file === place || file.startsWith(`${place}/`);

const share = (known: KnownFile): FileShare => ({
  file: known.state.found.file,
  namespace: namespaceOf(known.state.found.file),
  content: known.state.content,
  kept: known.kept,
  frozenSinceMs: known.frozenSinceMs,
});

function problemFinding(problem: WalkProblem): Diagnostic {
  const location = { file: problem.file === '' ? '.' : problem.file, line: 1, column: 1 };
  switch (problem.kind) {
    case 'unreadable':
      return report('file-unreadable', { message: `cannot be read: ${problem.reason}`, location, refused: true });
    case 'outside':
      return report('link-not-followed', {
        message: 'the link leads out of the folder of its namespace',
        location,
        refused: true,
      });
    case 'nowhere':
      return report('link-not-followed', {
        message: 'the link leads to a file that is not there',
        remedy: 'Correct where it leads, or take it out.',
        location,
        refused: true,
      });
    case 'passed-over':
      return report('file-passed-over', {
        message: 'the file is not read: the names of files with routes end in .yaml or .yml, in small letters',
        location,
      });
    case 'loop':
      return report('link-not-followed', {
        message: 'the link leads back to a folder that holds it, or the folders are nested too deeply',
        location,
        refused: true,
      });
    case 'too-many':
      return report('too-many-files', {
        message: 'this file and those after it are beyond the limit',
        location,
        refused: true,
      });
  }
}

function nothingToServe(files: number): Diagnostic {
  const why =
    files === 0
      ? `there is no YAML file in it (files at <namespace>/<name>.yaml are read; folders with a file ${IGNORE_FILE} are not)`
      : 'no file of it holds a resource';
  return report('nothing-to-serve', { message: `the directory has nothing to serve: ${why}` });
}
