import { type Diagnostic, formatObjectRef, type RelatedPlace } from '../../diagnostics/index.ts';
import { findOverlaps, formatWitness, type Overlap, type Route, sameOwner } from '../../table/index.ts';
import type { CompileOptions } from '../compilation.ts';
import type { RouteDraft } from '../from-virtual-service.ts';
import { Slot, sameElements } from '../slot.ts';
import type { BuiltHost } from '../virtual-hosts.ts';
import { type PathKey, pathKeyOf, type Region, regionsOf } from './overlap-regions.ts';
import { reportAt } from './rule.ts';

/** What the owners of one region of a host are told at most, and how many pairs are looked at for it. */
const LIMITS = { maxReported: 200, maxExamined: 2_000, includeRefinements: true };

export interface OverlapSetting {
  /** Other domains that this one covers: a witness must not be theirs. */
  readonly narrower: readonly string[];
  readonly scheme: 'http' | 'https';
  readonly options: CompileOptions;
}

/**
 * Rules of different owners for one host that one request fits: both are told, with that request (product.md, "No
 * silent overlap"). That something specific stands before a catch-all is what catch-alls are for, and is not told.
 * Remembers what it found in parts of the host that stay as they are.
 */
export class OverlapMemory {
  #found: Slot<readonly Diagnostic[]> | undefined;
  #regions: ReadonlyMap<string, { readonly routes: readonly unknown[]; readonly found: readonly Diagnostic[] }> =
    NO_REGIONS;

  find(built: BuiltHost, setting: OverlapSetting): readonly Diagnostic[] {
    // Most hosts are one VirtualService's alone.
    if (built.parts.length < 2) return [];
    const about = [built.host, setting.scheme, setting.narrower.join()];
    this.#found ??= new Slot();
    return this.#found.get(about, () => this.#examine(built, setting));
  }

  #examine(built: BuiltHost, setting: OverlapSetting): readonly Diagnostic[] {
    const { domain } = built.host;
    const keys = pathKeysOf(built);
    const draftOf = draftLookup(built);
    const before = this.#regions;
    const regions = regionsOf(keys.filter((key) => !key.isCatchAll)).map((region) => {
      const parts = [setting.scheme, setting.narrower.join(), ...region.routes];
      const old = before.get(region.prefix);
      const found =
        old !== undefined && sameElements(old.routes, parts)
          ? old.found
          : overlapsIn(region, built, setting).flatMap((overlap) => tellBoth(overlap, draftOf, domain));
      return [region.prefix, { routes: parts, found }] as const;
    });
    this.#regions = new Map(regions);
    const catchAlls = keys.flatMap((key) => (key.isCatchAll ? [key.route] : []));
    return [...regions.flatMap(([, { found }]) => found), ...lostCatchAlls(catchAlls, draftOf, domain)];
  }
}

const NO_REGIONS: ReadonlyMap<string, never> = new Map<string, never>();

/** In order of precedence; a VirtualService that comes by two Gateways counts once. */
function pathKeysOf({ parts }: BuiltHost): readonly PathKey[] {
  const keys: PathKey[] = [];
  for (const completion of new Set(parts.map((part) => part.completion))) {
    keys.push(...completion.pathKeys.get([], () => completion.routes.map(pathKeyOf)));
  }
  return keys;
}

function overlapsIn({ routes, own }: Region, { host }: BuiltHost, setting: OverlapSetting): readonly Overlap[] {
  const { overlaps } = findOverlaps(
    { ...host, routes },
    {
      ...LIMITS,
      pathNormalization: setting.options.mesh.pathNormalization,
      scheme: setting.scheme,
      otherDomains: setting.narrower,
    },
  );
  if (own === routes) return overlaps;
  const mine = new Set(own);
  return overlaps.filter(({ winner, loser }) => mine.has(winner) || mine.has(loser));
}

type DraftLookup = (route: Route) => RouteDraft | undefined;

/** Findings are few beside routes, so what they are about is searched for, and no index is made. */
function draftLookup({ parts }: BuiltHost): DraftLookup {
  const known = new Map<Route, RouteDraft | undefined>();
  return (route) => {
    if (!known.has(route)) {
      const part = parts.find(({ completion }) => completion.routes.includes(route));
      known.set(
        route,
        part?.translation.drafts.find((draft) => draft.route.id === route.id),
      );
    }
    return known.get(route);
  };
}

function tellBoth(overlap: Overlap, draftOf: DraftLookup, domain: string): readonly Diagnostic[] {
  const winner = draftOf(overlap.winner);
  const loser = draftOf(overlap.loser);
  if (winner === undefined || loser === undefined) return [];
  const both = { winner, loser, domain, witness: formatWitness(overlap.witness) };
  if (overlap.relation === 'shadows') {
    return [
      tellLoser('shadowed', `${ownerOf(winner)} takes all that this rule could match`, both),
      tellWinner(`this rule takes all that ${ownerOf(loser)} could match`, both),
    ];
  }
  return [
    tellLoser('overlap', `requests that this rule matches go to ${ownerOf(winner)}`, both),
    tellWinner(`this rule takes requests that ${ownerOf(loser)} matches too`, both),
  ];
}

interface Pair {
  readonly winner: RouteDraft;
  readonly loser: RouteDraft;
  readonly domain: string;
  readonly witness: string;
}

const ownerOf = ({ match }: RouteDraft): string => formatObjectRef(match.place.object.ref);

const tellLoser = (code: 'overlap' | 'shadowed', what: string, pair: Pair): Diagnostic =>
  tell(code, pair.loser, pair.winner, `on ${pair.domain}, ${what}: ${whyFirst(pair, 'that one')}`, pair.witness);

const tellWinner = (what: string, pair: Pair): Diagnostic =>
  tell('overlap', pair.winner, pair.loser, `on ${pair.domain}, ${what}: ${whyFirst(pair, 'this one')}`, pair.witness);

function tell(
  code: 'overlap' | 'shadowed',
  about: RouteDraft,
  other: RouteDraft,
  message: string,
  witness: string,
): Diagnostic {
  const { object, path } = about.match.place;
  const place = other.match.place;
  const related: RelatedPlace = {
    message: `the other rule, of ${formatObjectRef(place.object.ref)}`,
    object: place.object.ref,
    location: place.object.origin.locate(place.path),
  };
  return reportAt(code, object, path, { message, witness, related: [related] });
}

/** What put the winner first (istio-semantics §2.1). */
function whyFirst({ winner, loser }: Pair, name: string): string {
  const [first, second] = [winner.rule.root, loser.rule.root];
  if (first === second) return `${name} stands first in ${formatObjectRef(first.ref)}`;
  const [a, b] = [first.meta.creationTimestampMs, second.meta.creationTimestampMs];
  if (a < b) return `${name} is older`;
  if (a === b) return `they are of one age, and the name of ${name} comes first`;
  return `${name} is exported to the gateway by name, or comes by an older Gateway`;
}

/** Of several catch-alls, those after the first never answer. */
function lostCatchAlls(catchAlls: readonly Route[], draftOf: DraftLookup, domain: string): readonly Diagnostic[] {
  const [first, ...others] = catchAlls;
  const lost = others.filter((route) => first !== undefined && !sameOwner(route.owner, first.owner));
  const winner = first !== undefined && lost.length > 0 ? draftOf(first) : undefined;
  if (winner === undefined) return [];
  const witness = `GET http://${domain.replace('*', 'any')}/`;
  return lost.flatMap((route) => {
    const loser = draftOf(route);
    if (loser === undefined) return [];
    const both = { winner, loser, domain, witness };
    return [
      tellLoser('shadowed', `the catch-all of ${ownerOf(winner)} comes first`, both),
      tellWinner(`this catch-all comes before that of ${ownerOf(loser)}`, both),
    ];
  });
}
