import { formatFieldPath } from '../../diagnostics/index.ts';
import { isCatchAll } from '../../table/index.ts';
import { translateMatch } from '../from-match.ts';
import type { RuleMatch } from '../http-rule.ts';
import { reportAt, type SubjectRule } from './rule.ts';

/** What stands behind a match that takes everything on every server: it is not even in the table (istio-semantics §2.1). */
export const afterCatchAll: SubjectRule = ({ ruleSet: { rules } }) => {
  const matches = rules.flatMap((rule) => rule.matches);
  const first = matches.findIndex(takesEverything);
  const catchAll = matches[first];
  if (catchAll === undefined) return [];
  return matches.slice(first + 1).map(({ place }) =>
    reportAt('unreachable-rule', place.object, place.path, {
      message: `${formatFieldPath(catchAll.place.path)} stands before it and takes every request`,
      related: [
        {
          message: 'this takes every request',
          object: catchAll.place.object.ref,
          location: catchAll.place.object.origin.locate(catchAll.place.path),
        },
      ],
    }),
  );
};

function takesEverything({ match }: RuleMatch): boolean {
  const { port, gateways = [], sourceLabels = {}, sourceNamespace = '' } = match;
  if ((port ?? 0) !== 0 || gateways.length > 0 || sourceNamespace !== '') return false;
  return Object.keys(sourceLabels).length === 0 && isCatchAll(translateMatch(match));
}
