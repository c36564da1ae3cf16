/** The route table: data that says who gets which request, and the one engine that decides it. Pure. */

export { examining } from './automaton.ts';
export {
  type BoundListener,
  type BoundRouteConfig,
  type BoundTable,
  type BoundVirtualHost,
  bindTable,
} from './bind.ts';
export { lowerAscii, toBytes } from './bytes.ts';
export { covers } from './covers.ts';
export { fileCa, filePair, filesOf, isFileCa, isFilePair } from './credential-name.ts';
export {
  diffTables,
  isEmptyDiff,
  type PartsDiff,
  type TableDiff,
  type VirtualHostDiff,
} from './diff.ts';
export { headerText, keepsOneValue, queryValue, type RequestFacts } from './facts.ts';
export { createHandle, type Handle } from './handle.ts';
export {
  compareDomains,
  type HostReading,
  hostMatches,
  intersectHosts,
  isCarefulAuthority,
  nameMatches,
  nameSubsetOf,
  parseHost,
} from './host.ts';
export type { HostIndex } from './host-index.ts';
export type { Intersection, Setting } from './intersect.ts';
export { type MatchResult, matchRequest } from './match.ts';
export type * from './model.ts';
export { findOverlaps, type Overlap, type OverlapOptions, type OverlapReport, sameOwner } from './overlap.ts';
export {
  isNormalPath,
  type NormalizedPath,
  normalizePath,
  type PathError,
  splitTarget,
} from './path.ts';
export {
  type Aged,
  isCatchAll,
  type Precedence,
  sortCatchAllsLast,
  type Visibility,
} from './precedence.ts';
export {
  type Candidate,
  type CandidateOutcome,
  explainMatch,
  type Loss,
  type MatchExplanation,
} from './reference.ts';
export { bindRegex, compileReplacement, type Regex, type RegexReplacement } from './regex.ts';
export { formatWitness, type Witness } from './witness.ts';
