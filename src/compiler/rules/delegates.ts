import { formatFieldPath, formatObjectRef } from '../../diagnostics/index.ts';
import { reportAt, type SubjectRule } from './rule.ts';

/** Delegates that are missing or hidden, and matches of delegates that are no narrowing of the root's (istio-semantics §2.8). */
export const delegates: SubjectRule = ({ ruleSet: { rules, conflicts } }) => [
  ...rules.flatMap(({ failure }) =>
    failure === undefined
      ? []
      : [reportAt(failure.code, failure.place.object, failure.place.path, { message: failure.message })],
  ),
  ...conflicts.map(({ root, delegate, wholeRule }) =>
    reportAt('delegate-conflict', delegate.object, delegate.path, {
      message: `this match is no narrowing of ${formatFieldPath(root.path)} of ${formatObjectRef(root.object.ref)}`,
      ...(wholeRule && {
        consequence: 'It fits none of the root’s matches, so the delegate’s whole rule is left out.',
      }),
      related: [
        {
          message: 'the match of the root',
          object: root.object.ref,
          location: root.object.origin.locate(root.path),
        },
      ],
    }),
  ),
];
