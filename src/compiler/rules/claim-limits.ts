import type { Diagnostic } from '../../diagnostics/index.ts';
import type { ResourceOf } from '../../resources/index.ts';
import { reportAt } from './rule.ts';

/** Limits by a claim where no token is ever verified: what is meant for each user holds for each address. */
export const claimLimits = (
  limits: readonly ResourceOf<'RateLimit'>[],
  hasAuthentication: boolean,
): readonly Diagnostic[] =>
  hasAuthentication
    ? []
    : limits.flatMap((limit) =>
        limit.body.spec.rules.flatMap(({ per, descriptor = [] }, rule) => {
          const at = ['spec', 'rules', rule];
          const sources = [
            { field: [...at, 'per'], source: per },
            ...descriptor.map(({ from }, i) => ({ field: [...at, 'descriptor', i, 'from'], source: from })),
          ];
          return sources.flatMap(({ field, source }) => {
            if (typeof source !== 'object' || !('claim' in source)) return [];
            const message = `it counts by the claim ${source.claim}, and no RequestAuthentication acts at this gateway`;
            return [reportAt('claim-limit-without-authentication', limit, field, { message })];
          });
        }),
      );
