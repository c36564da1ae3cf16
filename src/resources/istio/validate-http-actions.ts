import type { FieldPath } from '../../diagnostics/index.ts';
import { nearest } from '../../kernel/nearest.ts';
import { inQuotes } from '../describe.ts';
import type { Findings } from '../findings.ts';
import type { HTTPDirectResponse, HTTPRedirect, HTTPRetry, HTTPRoute } from '../generated/virtual-service.ts';
import { checkDuration, checkPort, checkRegex } from './validate-common.ts';
import { validateDestination } from './validate-destination.ts';
import { checkHttpStatus } from './validate-fault.ts';
import { isAuthority } from './validate-headers.ts';

/* What a rule does with a request (istio-semantics §10.3). */

const isSet = (text: string | undefined): boolean => text !== undefined && text !== '';

export function validateRedirect(redirect: HTTPRedirect | undefined, path: FieldPath, findings: Findings): void {
  if (redirect === undefined) return;
  const { uri, authority, scheme, port, derivePort, prefixRewrite, redirectCode = 0 } = redirect;
  if (prefixRewrite !== undefined)
    findings.warning([...path, 'prefixRewrite'], 'Istio does not act on prefixRewrite, and neither do we.', {
      code: 'ignored-field',
      of: 'key',
    });
  if (!isSet(uri) && !isSet(authority) && !isSet(scheme) && port === undefined && derivePort === undefined) {
    findings.missing(path, 'A redirect must have uri, authority, scheme, port or derivePort.');
  }
  if (redirectCode !== 0 && (redirectCode < 300 || redirectCode > 399))
    findings.error([...path, 'redirectCode'], `${redirectCode} is no status of a redirect: it must be 3xx.`);
  if (isSet(scheme) && scheme !== 'http' && scheme !== 'https')
    findings.error(
      [...path, 'scheme'],
      `The scheme of a redirect must be http or https, not ${inQuotes(scheme ?? '')}.`,
    );
  if (derivePort === undefined && (port ?? 0) > 0) checkPort(port, [...path, 'port'], findings);
}

const MAX_BODY = 1024 * 1024;
const LARGE_BODY = 100 * 1024;

export function validateDirectResponse(
  response: HTTPDirectResponse | undefined,
  path: FieldPath,
  findings: Findings,
): void {
  if (response === undefined) return;
  const { bytes, string = '' } = response.body ?? {};
  const size =
    bytes === undefined
      ? new TextEncoder().encode(string).length
      : Math.floor((bytes.replace(/[\r\n=]/g, '').length * 3) / 4);
  if (size > MAX_BODY)
    findings.error([...path, 'body'], `The body has ${size} bytes; at most ${MAX_BODY} are allowed.`);
  else if (size > LARGE_BODY)
    findings.warning([...path, 'body'], `The body has ${size} bytes, which every copy of the configuration carries.`);
  checkHttpStatus(response.status, [...path, 'status'], findings);
}

export function validateMirrors(route: HTTPRoute, path: FieldPath, findings: Findings): void {
  for (const [index, { destination, percentage }] of (route.mirrors ?? []).entries()) {
    const at = [...path, 'mirrors', index];
    validateDestination(destination, [...at, 'destination'], findings);
    checkShare(percentage?.value, [...at, 'percentage', 'value'], findings);
  }
  checkShare(route.mirrorPercentage?.value, [...path, 'mirrorPercentage', 'value'], findings);
  if (route.mirrorPercent === undefined) return;
  const at = [...path, 'mirrorPercent'];
  findings.warning(at, 'mirrorPercent is given up.', {
    code: 'deprecated-field',
    remedy: 'Use mirrorPercentage.',
    of: 'key',
  });
  checkShare(route.mirrorPercent, at, findings);
}

function checkShare(value: number | undefined, path: FieldPath, findings: Findings): void {
  if (value !== undefined && (value < 0 || value > 100))
    findings.error(path, `A share of mirrored requests must be between 0 and 100, not ${value}.`);
}

const RETRY_CONDITIONS: readonly string[] = [
  '5xx',
  'gateway-error',
  'reset',
  'reset-before-request',
  'connect-failure',
  'retriable-4xx',
  'refused-stream',
  'retriable-status-codes',
  'retriable-headers',
  'envoy-ratelimited',
  'http3-post-connect-failure',
  'cancelled',
  'deadline-exceeded',
  'internal',
  'resource-exhausted',
  'unavailable',
];

/** Statuses that have a name, as Go's list has them; others are no condition of a retry. */
const NAMED_STATUSES: readonly (readonly [from: number, to: number])[] = [
  [100, 103],
  [200, 208],
  [226, 226],
  [300, 305],
  [307, 308],
  [400, 418],
  [421, 426],
  [428, 429],
  [431, 431],
  [451, 451],
  [500, 508],
  [510, 511],
];

export function validateRetry(retry: HTTPRetry | undefined, path: FieldPath, findings: Findings): void {
  if (retry === undefined) return;
  const { attempts = 0, perTryTimeout, retryOn = '', retryRemoteLocalities, backoff } = retry;
  if (attempts < 0) findings.error([...path, 'attempts'], `attempts cannot be negative, as ${attempts} is.`);
  if (attempts === 0 && (perTryTimeout !== undefined || retryOn !== '' || retryRemoteLocalities !== undefined)) {
    findings.conflict(
      path,
      'With attempts 0, or none given, retries are off: perTryTimeout, retryOn and retryRemoteLocalities cannot be set.',
    );
  }
  checkDuration(perTryTimeout, [...path, 'perTryTimeout'], findings);
  checkDuration(backoff, [...path, 'backoff'], findings);
  for (const condition of retryOn === '' ? [] : retryOn.split(',')) {
    if (RETRY_CONDITIONS.includes(condition) || isNamedStatus(condition)) continue;
    const meant = nearest(condition.trim(), RETRY_CONDITIONS);
    findings.error([...path, 'retryOn'], `${inQuotes(condition)} is no condition for a retry.`, {
      remedy:
        meant === undefined
          ? 'Use conditions and status codes, with commas and without spaces between them.'
          : `Did you mean ${meant}, without spaces?`,
    });
  }
}

const isNamedStatus = (text: string): boolean =>
  /^[-+]?\d+$/.test(text) && NAMED_STATUSES.some(([from, to]) => Number(text) >= from && Number(text) <= to);

export function validateRewrite(route: HTTPRoute, path: FieldPath, findings: Findings): void {
  validateAuthority(route, path, findings);
  const { rewrite } = route;
  if (rewrite === undefined) return;
  const at = [...path, 'rewrite'];
  const { uri, authority, uriRegexRewrite } = rewrite;
  if (isSet(uri) && uriRegexRewrite !== undefined)
    findings.conflict(at, 'A rewrite can have uri or uriRegexRewrite, not both.');
  if (!isSet(uri) && uriRegexRewrite === undefined && !isSet(authority))
    findings.missing(at, 'A rewrite must have uri, uriRegexRewrite or authority.');
  if (uriRegexRewrite === undefined) return;
  const { match = '', rewrite: replacement = '' } = uriRegexRewrite;
  if (match === '' || replacement === '')
    findings.missing([...at, 'uriRegexRewrite'], 'uriRegexRewrite must have match and rewrite, neither of them empty.');
  else checkRegex(match, [...at, 'uriRegexRewrite', 'match'], findings);
}

/** The Host sent upstream can be chosen in one place of a rule only. */
function validateAuthority({ rewrite, headers }: HTTPRoute, path: FieldPath, findings: Findings): void {
  let chosen = rewrite?.authority ?? '';
  for (const operation of ['set', 'add'] as const) {
    for (const [name, value] of Object.entries(headers?.request?.[operation] ?? {}).filter(([key]) =>
      isAuthority(key),
    )) {
      const at = [...path, 'headers', 'request', operation, name];
      if (chosen !== '')
        findings.conflict(at, `The Host is set twice: to ${inQuotes(chosen)}, and to ${inQuotes(value)}.`);
      chosen = value;
    }
  }
}
