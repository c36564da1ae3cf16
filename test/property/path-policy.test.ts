import { describe, expect, it } from 'vitest';
import { bindRule, compileRule } from '../../src/contract/authz-predicate/index.ts';
import { isNormalPath, normalizePath, splitTarget } from '../../src/table/path.ts';
import { fakeExchange } from '../support/fake-exchange.ts';
import { dice } from './table-random.ts';

/*
 * P-19 of edge-security §1: normalising again changes nothing, and a policy says of what was forwarded what it said of the
 * request. The million: `BANYAN_RANDOM_PATHS=1000000 npx vitest run --testTimeout 600000 test/property/path-policy.test.ts`.
 */

const PATHS = Number(process.env['BANYAN_RANDOM_PATHS'] ?? 20_000);
const MODES = ['base', 'merge-slashes', 'decode-and-merge-slashes'] as const;

const PIECES =
  '/ / / // . .. ... \\ ; ;x=1 %2e %2E %2f %2F %5c %5C %25 %252e %2 % %% %zz %09 %0a %20 %23 %3b %3B %3f %41 %61 %c3%a9 %ff ? # = & + ~ { " | ^ ` < 4 1 a b A admin %61dmin admi%6e ADMIN private'.split(
    ' ',
  );

const RULES = [['/admin', '/admin/*'], ['*/admin'], ['/a/{*}/admin', '/{**}/private'], ['/*'], ['*admin*']].map(
  (paths) => {
    const rule = compileRule({ to: [{ operation: { paths } }] }, 'istio-system', 'wide');
    if (rule === undefined) throw new Error('no rule');
    return bindRule(rule, 'wide');
  },
);

const judged = (path: string): string => RULES.map((fits) => (fits(fakeExchange({ path })) ? 'x' : '.')).join('');

/** Escaped dots before parameters are no dot segment, and written plainly they are one: recorded of Istio (istio-semantics §7.1). */
const DOTS_WITH_PARAMETERS = /\/\.{1,2};/;

describe.each(MODES)('%s', (mode) => {
  it('is idempotent, and a policy judges what is forwarded', () => {
    const d = dice(mode.length);
    let normal = 0;
    let exempt = 0;
    for (let i = 0; i < PATHS; i++) {
      const target = `/${Array.from({ length: d.below(10) }, () => d.oneOf(PIECES)).join('')}`;
      const { path, query } = splitTarget(target);
      const once = normalizePath(path, mode);
      if (!once.ok) continue;
      normal += 1;
      // What the service reads: nothing in a path ends it, and what it was cut by is no part of it.
      const read = splitTarget(once.path + query);
      if (read.path !== once.path || read.query !== query)
        expect({ target, ...read }).toEqual({ target, path: once.path, query });
      if (judged(once.path) !== judged(read.path)) expect({ target, path: once.path }).toBe('judged alike');
      if (DOTS_WITH_PARAMETERS.test(once.path)) {
        exempt += 1;
        continue;
      }
      const twice = normalizePath(read.path, mode);
      if (!twice.ok || twice.path !== once.path || judged(twice.path) !== judged(once.path))
        expect({ target, ...twice }).toEqual({ target, ...once });
      if (!isNormalPath(once.path, mode)) expect({ target, path: once.path }).toBe('normal');
    }
    expect(normal).toBeGreaterThan(PATHS * 0.9);
    expect(exempt).toBeLessThan(PATHS * 0.05);
  });
});
