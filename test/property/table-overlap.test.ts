import { describe, expect, it } from 'vitest';
import { bindTable } from '../../src/table/bind.ts';
import { covers } from '../../src/table/covers.ts';
import { intersect } from '../../src/table/intersect.ts';
import { matchRequest } from '../../src/table/match.ts';
import type { Route, RouteMatch } from '../../src/table/model.ts';
import { findOverlaps } from '../../src/table/overlap.ts';
import { normalizePath } from '../../src/table/path.ts';
import { takes } from '../../src/table/reference.ts';
import { witnessFacts } from '../../src/table/witness.ts';
import { config, host, route, table } from '../unit/table/builders.ts';
import { dice, randomHost, randomMatch, randomRequest } from './table-random.ts';

describe('overlaps', () => {
  const mode = 'decode-and-merge-slashes';
  const isPlain = (path: string) => /^[!-~]*$/.test(path) && normalizePath(path, mode).ok;
  const requests = (d: ReturnType<typeof dice>) =>
    Array.from({ length: 60 }, () => randomRequest(d)).filter(({ path, host }) => {
      const normal = normalizePath(path, mode);
      return host !== '' && isPlain(path) && normal.ok && normal.path === path;
    });

  it('are shown by a witness that both routes take, whichever comes first', () => {
    let shown = 0;
    for (let seed = 1; seed <= 1_000; seed++) {
      const d = dice(seed);
      const [a, b] = [route('a', randomMatch(d)), route('b', randomMatch(d))];
      const common = intersect(a.match, b.match);
      if (common.kind !== 'overlap') continue;
      shown += 1;
      const facts = witnessFacts(common.witness);
      const first = (routes: readonly Route[]) =>
        matchRequest(bindTable(table([config([host('*', routes)])])), 'http.80', facts).route?.id;
      expect({ seed, forth: first([a, b]), back: first([b, a]) }).toEqual({ seed, forth: 'a', back: 'b' });
      expect(normalizePath(facts.path, mode)).toEqual({ ok: true, path: facts.path });
    }
    expect(shown).toBeGreaterThan(150);
  });

  it('are never denied where a request takes both, and nothing escapes a match that covers another', () => {
    let met = 0;
    let covered = 0;
    for (let seed = 1; seed <= 1_000; seed++) {
      const d = dice(seed);
      const [a, b] = [randomMatch(d), d.chance(0.3) ? randomMatch(d) : narrowed(d, randomMatch(d))];
      const kind = intersect(a, b).kind;
      const isCovered = covers(a, b, mode);
      if (isCovered) covered += 1;
      for (const facts of requests(d)) {
        const [first, second] = [takes(a, facts), takes(b, facts)];
        if (first && second) met += 1;
        if ((first && second && kind === 'disjoint') || (second && !first && isCovered)) {
          expect({ seed, a, b, facts, kind, isCovered }).toBeUndefined();
        }
      }
    }
    expect(met).toBeGreaterThan(250);
    expect(covered).toBeGreaterThan(25);
  });

  it('of a whole host are found with witnesses that the earlier route answers', () => {
    let found = 0;
    for (let seed = 1; seed <= 40; seed++) {
      const d = dice(seed);
      const random = randomHost(d, '*.example.com');
      const bound = bindTable(table([config([random])]));
      for (const { winner, loser, witness, relation } of findOverlaps(random, { includeRefinements: true }).overlaps) {
        found += 1;
        const facts = witnessFacts(witness);
        expect(matchRequest(bound, 'http.80', facts).route).toBe(winner);
        expect(takes(loser.match, facts)).toBe(true);
        expect(winner.owner.namespace).not.toBe(loser.owner.namespace);
        expect(random.routes.indexOf(winner)).toBeLessThan(random.routes.indexOf(loser));
        expect(relation === 'shadows').toBe(covers(winner.match, loser.match, mode));
      }
    }
    expect(found).toBeGreaterThan(100);
  });
});

/** Conditions that many requests fulfil, so that chance meets them. */
const narrowed = (d: ReturnType<typeof dice>, match: RouteMatch): RouteMatch => ({
  ...match,
  queryParams: [],
  headers: match.headers.filter(() => d.chance(0.5)),
});
