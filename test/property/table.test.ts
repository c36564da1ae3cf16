import { describe, expect, it } from 'vitest';
import { bindTable } from '../../src/table/bind.ts';
import { matchRequest } from '../../src/table/match.ts';
import { explainMatch } from '../../src/table/reference.ts';
import { config, table } from '../unit/table/builders.ts';
import { dice, randomHost, randomRequest, randomTable } from './table-random.ts';

const TABLES = 2_500;
const REQUESTS = 40;

describe('the index', () => {
  it('finds what the reference matcher finds, on 100,000 random requests', () => {
    let found = 0;
    for (let seed = 1; seed <= TABLES; seed++) {
      const d = dice(seed);
      const random = randomTable(d);
      const bound = bindTable(random);
      for (let i = 0; i < REQUESTS; i++) {
        const facts = randomRequest(d);
        const wanted = explainMatch(random, 'http.80', facts);
        const result = matchRequest(bound, 'http.80', facts);
        if (result.route !== wanted.route || result.redirectToTls !== wanted.redirectToTls) {
          expect({ seed, i, facts, route: result.route?.id }).toEqual({ seed, i, facts, route: wanted.route?.id });
        }
        expect(result.virtualHost?.virtualHost).toBe(wanted.virtualHost);
        if (result.route !== undefined) found += 1;
      }
    }
    expect(found).toBeGreaterThan((TABLES * REQUESTS) / 10);
  });

  it('answers the same however the virtual hosts of a table are ordered', () => {
    for (let seed = 1; seed <= 200; seed++) {
      const d = dice(seed);
      const hosts = ['a.com', '*.com', '*', 'b.*'].map((domain) => randomHost(d, domain));
      const forth = bindTable(table([config(hosts)]));
      const back = bindTable(table([config(hosts.toReversed())]));
      for (let i = 0; i < 20; i++) {
        const facts = { ...randomRequest(d), host: d.oneOf(['a.com', 'x.com', 'b.org', 'c.org']) };
        expect(matchRequest(back, 'http.80', facts).route).toBe(matchRequest(forth, 'http.80', facts).route);
      }
    }
  });

  it('answers the same when it was bound over an older table', () => {
    for (let seed = 1; seed <= 200; seed++) {
      const d = dice(seed);
      const kept = ['a.com', '*.com'].map((domain) => randomHost(d, domain));
      const before = bindTable(table([config([...kept, randomHost(d, '*')])]));
      const after = table([config([...kept, randomHost(d, '*')])]);
      for (let i = 0; i < 20; i++) {
        const facts = { ...randomRequest(d), host: d.oneOf(['a.com', 'x.com', 'c.org']) };
        const fresh = matchRequest(bindTable(after), 'http.80', facts);
        expect(matchRequest(bindTable(after, before), 'http.80', facts).route).toBe(fresh.route);
      }
    }
  });
});
