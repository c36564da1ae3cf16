import { type Diagnostic, formatObjectRef, type RelatedPlace } from '../../diagnostics/index.ts';
import { findOverlaps, formatWitness, isCatchAll, type Overlap, type Route, sameOwner } from '../../table/index.ts';
import type { CompileOptions } from '../compilation.ts';
import type { RouteDraft } from '../from-virtual-service.ts';
import type { BuiltHost } from '../virtual-hosts.ts';
import { reportAt } from './rule.ts';

/** What a host's owners are told at most, and how many pairs are looked at for it. */
const LIMITS = { maxReported: 200, maxExamined: 2_000 };

export interface OverlapSetting {
  /** Other domains that this one covers. */
  readonly narrower: readonly string[];
  readonly scheme: 'http' | 'https';
  readonly options: CompileOptions;
}

/**
 * Rules of different owners for one host that one request fits: both are told, with that request (product.md, "No
 * silent overlap"). That something specific stands before a catch-all is what catch-alls are for, and is not told.
 */
export function overlaps(built: BuiltHost, setting: OverlapSetting): readonly Diagnostic[] {
  const { host } = built;
  const { routes } = host;
  if (routes.every((route) => routes[0] !== undefined && sameOwner(route.owner, routes[0].owner))) return [];
  const drafts = new Map(built.parts.flatMap(({ drafts: part }) => part.map((draft) => [draft.route.id, draft])));
  const specific = { ...host, routes: routes.filter((route) => !isCatchAll(route.match)) };
  const report = findOverlaps(specific, {
    ...LIMITS,
    pathNormalization: setting.options.mesh.pathNormalization,
    scheme: setting.scheme,
    otherDomains: setting.narrower,
    includeRefinements: true,
  });
  return [
    ...report.overlaps.flatMap((overlap) => tellBoth(overlap, drafts, host.domain)),
    ...lostCatchAlls(routes, drafts, host.domain),
  ];
}

type Drafts = ReadonlyMap<string, RouteDraft>;

function tellBoth(overlap: Overlap, drafts: Drafts, domain: string): readonly Diagnostic[] {
  const winner = drafts.get(overlap.winner.id);
  const loser = drafts.get(overlap.loser.id);
  if (winner === undefined || loser === undefined) return [];
  const witness = formatWitness(overlap.witness);
  if (overlap.relation === 'shadows') {
    return [
      tell('shadowed', loser, winner, `on ${domain}, ${ownerOf(winner)} takes all that this rule could match`, witness),
      tell('overlap', winner, loser, `on ${domain}, this rule takes all that ${ownerOf(loser)} could match`, witness),
    ];
  }
  return [
    tell(
      'overlap',
      loser,
      winner,
      `on ${domain}, some requests that this rule matches go to ${ownerOf(winner)}`,
      witness,
    ),
    tell(
      'overlap',
      winner,
      loser,
      `on ${domain}, this rule takes requests that ${ownerOf(loser)} matches too`,
      witness,
    ),
  ];
}

const ownerOf = ({ match }: RouteDraft): string => formatObjectRef(match.place.object.ref);

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
  return reportAt(code, object, path, { message: `${message} (${order(about, other)})`, witness, related: [related] });
}

/** Why the one that stands first does (istio-semantics §2.1). */
function order(about: RouteDraft, other: RouteDraft): string {
  const [a, b] = [about, other].map(({ rule }) => rule.owner);
  const same = a?.namespace === b?.namespace && a?.name === b?.name;
  return same
    ? 'by their place in the root’s list'
    : 'the older Gateway first, then the older VirtualService, then by name';
}

/** Of several catch-alls, those after the first never answer. */
function lostCatchAlls(routes: readonly Route[], drafts: Drafts, domain: string): readonly Diagnostic[] {
  const [first, ...others] = routes.filter((route) => isCatchAll(route.match));
  const winner = first && drafts.get(first.id);
  if (first === undefined || winner === undefined) return [];
  const lost = others.flatMap((route) => (sameOwner(route.owner, first.owner) ? [] : (drafts.get(route.id) ?? [])));
  const witness = `GET http://${domain.replace('*', 'any')}/`;
  return lost.flatMap((loser) => [
    tell('shadowed', loser, winner, `on ${domain}, the catch-all of ${ownerOf(winner)} comes first`, witness),
    tell('overlap', winner, loser, `on ${domain}, this catch-all comes before that of ${ownerOf(loser)}`, witness),
  ]);
}
