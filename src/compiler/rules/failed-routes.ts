import type { Diagnostic } from '../../diagnostics/index.ts';
import type { RouteDrafts } from '../translations.ts';
import { reportAt } from './rule.ts';

/** Rules that answer 503 in place; a missing delegate is told by its own rule. */
export const failedRoutes = (drafts: RouteDrafts): readonly Diagnostic[] =>
  drafts.flatMap(({ rule, failure }) =>
    failure === undefined || rule.failure !== undefined
      ? []
      : [reportAt('route-failed', rule.place.object, rule.place.path, { message: failure })],
  );
