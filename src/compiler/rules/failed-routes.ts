import type { Diagnostic } from '../../diagnostics/index.ts';
import type { Translation } from '../translation.ts';
import { reportAt } from './rule.ts';

/** Rules that answer 503 in place; a missing delegate is told by its own rule. */
export const failedRoutes = ({ drafts }: Translation): readonly Diagnostic[] =>
  drafts.flatMap(({ rule, failure }) =>
    failure === undefined || rule.failure !== undefined
      ? []
      : [reportAt('route-failed', rule.place.object, rule.place.path, { message: failure })],
  );
