import { type Diagnostic, formatFieldPath } from '../../diagnostics/index.ts';
import { covers, examining, type PathMatch, type PathNormalization } from '../../table/index.ts';
import type { RouteDraft } from '../from-virtual-service.ts';
import type { Translation } from '../translation.ts';
import { reportAt } from './rule.ts';

/** Pairs looked at closely for one VirtualService at one server. */
const MOST_PAIRS = 2_000;

/** Route id → the earlier route of the same VirtualService that leaves it nothing. */
type CoveredRoutes = ReadonlyMap<string, RouteDraft>;

function findCovered(drafts: readonly RouteDraft[], normalization: PathNormalization): CoveredRoutes {
  const covered = new Map<string, RouteDraft>();
  let pairs = 0;
  for (const [index, later] of drafts.entries()) {
    for (const earlier of drafts.slice(0, index)) {
      if (!mayCover(earlier.route.match.path, later.route.match.path)) continue;
      if (++pairs > MOST_PAIRS) return covered;
      if (!covers(earlier.route.match, later.route.match, normalization)) continue;
      covered.set(later.route.id, earlier);
      break;
    }
  }
  return covered;
}

/** A cheap look first: most rules of one VirtualService have nothing to do with each other. */
function mayCover(earlier: PathMatch, later: PathMatch): boolean {
  if (earlier.kind === 'any' || earlier.kind === 'regex') return true;
  if (later.kind === 'any' || later.kind === 'regex') return earlier.kind === 'prefix';
  const [a, b] = [earlier.value.toLowerCase(), later.value.toLowerCase()];
  return earlier.kind === 'exact' ? later.kind === 'exact' && a === b : b.startsWith(a);
}

/** `all`: of one VirtualService at every server. A rule that is reached at one of them is fine. */
export function coveredRules(all: readonly Translation[], normalization: PathNormalization): readonly Diagnostic[] {
  const reached = new Set<string>();
  const lost = new Map<string, { readonly later: RouteDraft; readonly earlier: RouteDraft }>();
  const found = examining(() => all.map(({ drafts }) => ({ drafts, covered: findCovered(drafts, normalization) })));
  for (const { drafts, covered } of found) {
    for (const draft of drafts) {
      const earlier = covered.get(draft.route.id);
      if (earlier === undefined) reached.add(draft.route.id);
      else lost.set(draft.route.id, { later: draft, earlier });
    }
  }
  return [...lost].flatMap(([id, { later, earlier }]) => (reached.has(id) ? [] : [unreachable(later, earlier)]));
}

function unreachable(later: RouteDraft, earlier: RouteDraft): Diagnostic {
  const { place } = later.match;
  const by = earlier.match.place;
  const same = JSON.stringify(earlier.route.match) === JSON.stringify(later.route.match);
  const what = same ? 'asks for the same' : 'takes all that this could match';
  return reportAt('unreachable-rule', place.object, place.path, {
    message: `${formatFieldPath(by.path)} stands before it and ${what}`,
    related: [{ message: 'this answers instead', object: by.object.ref, location: by.object.origin.locate(by.path) }],
  });
}
