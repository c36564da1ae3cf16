import { claimPath } from '../from-match.ts';
import { reportAt, type SubjectRule } from './rule.ts';

/** Matches on claims where no token is ever verified (istio-semantics §6.4, IST0149). */
export const claimsWithoutAuthentication: SubjectRule = ({ ruleSet: { rules }, surroundings }) => {
  if (surroundings.hasAuthentication) return [];
  return rules
    .flatMap((rule) => rule.matches)
    .flatMap(({ match, place }) =>
      (['headers', 'withoutHeaders'] as const).flatMap((field) =>
        Object.keys(match[field] ?? {})
          .filter((key) => claimPath(key) !== undefined)
          .map((key) =>
            reportAt('claim-route-without-authentication', place.object, [...place.path, field, key], {
              message: `${key} asks for a claim, and no RequestAuthentication acts at this gateway`,
            }),
          ),
      ),
    );
};
