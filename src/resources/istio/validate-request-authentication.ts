import type { FieldPath } from '../../diagnostics/index.ts';
import { inQuotes } from '../describe.ts';
import type { Findings } from '../findings.ts';
import type { JWTRule, RequestAuthenticationBody } from '../generated/request-authentication.ts';
import { isNeverDialled, neverDialledMistake } from '../never-dialled.ts';
import { keySetMistake, keySetWarnings } from './jwks.ts';
import { validateAttachment } from './validate-attachment.ts';
import { checkDuration } from './validate-common.ts';
import { validateMetadata } from './validate-metadata.ts';

/** istio-semantics §10.6. */
export function validateRequestAuthentication(body: RequestAuthenticationBody, findings: Findings): void {
  validateMetadata(body, findings);
  validateAttachment(body.spec, findings);
  for (const [index, rule] of (body.spec.jwtRules ?? []).entries())
    validateRule(rule, ['spec', 'jwtRules', index], findings);
}

function validateRule(rule: JWTRule, path: FieldPath, findings: Findings): void {
  const { issuer = '', jwksUri = '', jwks = '' } = rule;
  if (issuer === '' && jwksUri === '')
    findings.missing([...path, 'issuer'], 'A rule must have an issuer, or at least a jwksUri.');
  if (jwksUri !== '') checkUri(jwksUri, [...path, 'jwksUri'], findings);
  // A rule of the CRD's, which the webhook does not have (istio-semantics §10.6).
  if (jwksUri !== '' && jwks !== '')
    findings.warning([...path, 'jwksUri'], 'jwks counts, and not jwksUri; the API server refuses both together.', {
      code: 'ignored-field',
    });
  if (jwks !== '') checkKeySet(jwks, [...path, 'jwks'], findings);
  checkFilled(rule.audiences, 'An audience', [...path, 'audiences'], findings);
  checkFilled(rule.fromParams, 'The name of a parameter', [...path, 'fromParams'], findings);
  checkFilled(rule.fromCookies, 'The name of a cookie', [...path, 'fromCookies'], findings);
  for (const [index, { name = '' }] of (rule.fromHeaders ?? []).entries()) {
    if (name === '')
      findings.missing([...path, 'fromHeaders', index, 'name'], 'A place for tokens must have the name of its header.');
  }
  for (const [index, { header = '', claim = '' }] of (rule.outputClaimToHeaders ?? []).entries()) {
    const at = [...path, 'outputClaimToHeaders', index];
    if (header === '' || claim === '')
      findings.missing(
        [...at, header === '' ? 'header' : 'claim'],
        'A claim that becomes a header must have both claim and header.',
      );
    else if (!/^[-_A-Za-z0-9]+$/.test(header))
      findings.error([...at, 'header'], `${inQuotes(header)} is no name of a header: letters, digits, - and _.`);
  }
  checkDuration(rule.timeout, [...path, 'timeout'], findings);
}

function checkFilled(texts: readonly string[] | undefined, what: string, path: FieldPath, findings: Findings): void {
  for (const [index, text] of (texts ?? []).entries())
    if (text === '') findings.error([...path, index], `${what} must not be empty.`);
}

/** `scheme://[user@]host[:port]/path?query#fragment`, as Go reads it. */
const URI =
  /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?:\/\/(?:([^/?#]*)@)?(\[[^\]/?#]*\]|[^/?#:]*)(?::([^/?#]*))?)?([^?#]*)(?:\?[^#]*)?(?:#(.*))?$/;

function checkUri(uri: string, path: FieldPath, findings: Findings): void {
  const [, scheme = '', user = '', host = '', port = '', way = '', fragment = ''] = URI.exec(uri) ?? [];
  if (/[\u0000-\u001F\u007F]/.test(uri)) findings.error(path, `${inQuotes(uri)} has control characters.`);
  else if (!['http', 'https'].includes(scheme.toLowerCase()))
    findings.error(path, `${inQuotes(uri)} must begin with http:// or https://.`);
  else if (!/^\d*$/.test(port))
    findings.error(path, `${inQuotes(uri)} has the port ${inQuotes(port)}, which is no number.`);
  else if (HOST_HAS_NOT.test(host))
    findings.error(path, `${inQuotes(uri)} has the host ${inQuotes(host)}, which is none.`);
  else if ([user, way, fragment].some((part) => WRONG_ESCAPE.test(part)))
    findings.error(path, `${inQuotes(uri)} has a % that is no escape such as %20.`);
  else if (isNeverDialled(host.replace(/^\[|\]$/g, ''))) findings.error(path, neverDialledMistake(inQuotes(host)));
}

/** A bracket that does not close, spaces and other characters that no host is written with (RFC 3986 §3.2.2). */
const HOST_HAS_NOT = /^\[[^\]]*$|[\s\\^`{|}%]/;
const WRONG_ESCAPE = /%(?![0-9A-Fa-f]{2})/;

function checkKeySet(jwks: string, path: FieldPath, findings: Findings): void {
  const mistake = keySetMistake(jwks);
  if (mistake !== undefined) findings.error(path, `jwks ${mistake}.`);
  else for (const { code, message } of keySetWarnings(jwks)) findings.warning(path, message, { code });
}
