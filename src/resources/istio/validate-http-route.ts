import type { FieldPath } from '../../diagnostics/index.ts';
import type { Findings } from '../findings.ts';
import type { HTTPRoute } from '../generated/virtual-service.ts';
import { checkDuration } from './validate-common.ts';
import { validateCors } from './validate-cors.ts';
import { validateDestination, validateWeights } from './validate-destination.ts';
import { validateFault } from './validate-fault.ts';
import { validateHeaders } from './validate-headers.ts';
import {
  validateDirectResponse,
  validateMirrors,
  validateRedirect,
  validateRetry,
  validateRewrite,
} from './validate-http-actions.ts';
import { validateHttpMatch } from './validate-http-match.ts';

/** One rule of `http` (istio-semantics §10.3). */
export function validateHttpRoute(route: HTTPRoute, isDelegate: boolean, path: FieldPath, findings: Findings): void {
  validateActions(route, isDelegate, path, findings);
  for (const [index, match] of (route.match ?? []).entries())
    validateHttpMatch(match, [...path, 'match', index], findings);
  validateHeaders(route.headers, [...path, 'headers'], findings);
  validateCors(route.corsPolicy, [...path, 'corsPolicy'], findings);
  validateFault(route.fault, [...path, 'fault'], findings);
  validateDestination(route.mirror, [...path, 'mirror'], findings);
  validateMirrors(route, path, findings);
  validateRedirect(route.redirect, [...path, 'redirect'], findings);
  validateDirectResponse(route.directResponse, [...path, 'directResponse'], findings);
  validateRetry(route.retries, [...path, 'retries'], findings);
  validateRewrite(route, path, findings);
  for (const [index, { headers }] of (route.route ?? []).entries())
    validateHeaders(headers, [...path, 'route', index, 'headers'], findings);
  validateWeights(route.route ?? [], [...path, 'route'], findings);
  checkDuration(route.timeout, [...path, 'timeout'], findings);
}

type Action = 'route' | 'redirect' | 'directResponse' | 'delegate' | 'fault' | 'rewrite' | 'mirrors';

/** `route: []` is as if absent. */
const has = (route: HTTPRoute, action: Action): boolean => {
  const value = route[action];
  return Array.isArray(value) ? value.length > 0 : value !== undefined;
};

function validateActions(route: HTTPRoute, isDelegate: boolean, path: FieldPath, findings: Findings): void {
  const exclude = (one: Action, ...others: readonly Action[]): void => {
    for (const other of others.filter((action) => has(route, action))) {
      findings.conflict([...path, other], `A rule with ${one} cannot have ${other} too.`);
    }
  };
  if (has(route, 'delegate') && !isDelegate) {
    exclude('delegate', 'route', 'redirect');
    return;
  }
  if (has(route, 'delegate')) findings.conflict([...path, 'delegate'], 'A delegate cannot delegate further.');
  if (has(route, 'redirect')) exclude('redirect', 'route', 'fault', 'rewrite', 'directResponse');
  else if (has(route, 'directResponse')) exclude('directResponse', 'route', 'fault', 'rewrite');
  else if (!has(route, 'route'))
    findings.missing([...path, 'route'], 'A rule must have route, redirect or directResponse.');
  if (route.mirror !== undefined) exclude('mirror' as Action, 'mirrors');
}
