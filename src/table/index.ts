/** The route table: data that says who gets which request, and the one engine that decides it. Pure. */

export {
  type BoundListener,
  type BoundRouteConfig,
  type BoundTable,
  type BoundVirtualHost,
  bindTable,
  bindVirtualHost,
} from './bind.ts';
export { fromBytes, lowerAscii, toBytes } from './bytes.ts';
export { covers } from './covers.ts';
export {
  diffTables,
  isEmptyDiff,
  type PartsDiff,
  type TableDiff,
  type VirtualHostDiff,
} from './diff.ts';
export { forwardedProto, headerSource, queryValue, type RequestFacts } from './facts.ts';
export { createHandle, type Handle } from './handle.ts';
export {
  compareDomains,
  type HostReading,
  hostMatches,
  intersectHosts,
  intersectNames,
  isCarefulAuthority,
  nameMatches,
  nameSubsetOf,
  parseHost,
} from './host.ts';
export { buildHostIndex, type HostIndex, lookUpHost } from './host-index.ts';
export { type Intersection, intersect, type Setting, sampleHost } from './intersect.ts';
export { type MatchResult, matchIn, matchRequest, selectRoute } from './match.ts';
export type * from './model.ts';
export { findOverlaps, type Overlap, type OverlapOptions, type OverlapReport, sameOwner } from './overlap.ts';
export {
  hasRefusedEscape,
  isNormalPath,
  type NormalizedPath,
  normalizePath,
  type PathError,
  type PathOptions,
  splitTarget,
} from './path.ts';
export {
  type Aged,
  compareByAge,
  compareVirtualServices,
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
  lossesOf,
  type MatchExplanation,
  takes,
} from './reference.ts';
export { bindRegex, compileRegex, compileReplacement, type Regex, type RegexReplacement } from './regex.ts';
export { formatWitness, type Witness, witnessFacts } from './witness.ts';
