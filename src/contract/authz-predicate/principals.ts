import type { ClientCertificate, Identity } from '../exchange.ts';
import { anyText, type TextTest } from './texts.ts';

/* ------------------------------------------------ by client certificate */

const SPIFFE = 'spiffe://';

/** What Envoy takes for the peer's name: its URIs, else its DNS names, else its subject. */
export function peerNames(certificate: ClientCertificate | undefined): readonly string[] {
  if (certificate === undefined) return [];
  if (certificate.uris.length > 0) return certificate.uris;
  return certificate.dnsNames.length > 0 ? certificate.dnsNames : [certificate.subject];
}

/** `trustDomain/ns/namespace/sa/account`, without the scheme; `*`: any name at all. */
export function anyPrincipal(values: readonly string[]): TextTest {
  const fits = anyText(values);
  const present = values.includes('*');
  return (name) => (present && name !== '') || (name.startsWith(SPIFFE) && fits(name.slice(SPIFFE.length)));
}

/** `*` stands for any text; everything else is literal (edge-security M-11). */
export function anyNamespace(values: readonly string[]): TextTest {
  const sequences = values.map((value) => `/ns/${value}/`.split('*'));
  return (name) => sequences.some((parts) => inOrder(parts, name));
}

function inOrder(parts: readonly string[], text: string): boolean {
  let from = 0;
  for (const part of parts) {
    const at = text.indexOf(part, from);
    if (at < 0) return false;
    from = at + part.length;
  }
  return true;
}

/** `namespace/account`, anywhere behind a trust domain; other pairs may stand between and behind (M-11: literal). */
export function anyServiceAccount(values: readonly string[]): TextTest {
  const accounts = values.map((value) => {
    const slash = value.indexOf('/');
    return { namespace: `/ns/${value.slice(0, slash)}/`, account: `/sa/${value.slice(slash + 1)}` };
  });
  return (name) => accounts.some(({ namespace, account }) => hasAccount(name, namespace, account));
}

function hasAccount(name: string, namespace: string, account: string): boolean {
  if (!name.startsWith(SPIFFE)) return false;
  for (let at = name.indexOf(namespace, SPIFFE.length + 1); at >= 0; at = name.indexOf(namespace, at + 1)) {
    const from = at + namespace.length - 1;
    for (let found = name.indexOf(account, from); found >= 0; found = name.indexOf(account, found + 1)) {
      const rest = name.slice(found + account.length);
      const between = found - from;
      if (between !== 1 && (rest === '' || (rest.startsWith('/') && rest.length > 1))) return true;
    }
  }
  return false;
}

export function anyTrustDomain(values: readonly string[]): TextTest {
  const fits = anyText(values);
  return (name) => {
    if (!name.startsWith(SPIFFE)) return false;
    const slash = name.indexOf('/', SPIFFE.length);
    return slash > 0 && fits(name.slice(SPIFFE.length, slash));
  };
}

/* ------------------------------------------------------------- by token */

type Caller = Pick<Identity, 'issuer' | 'subject'>;

/**
 * `issuer/subject`, split at the last slash. A star at the front is for the issuer, one at the end for the subject;
 * without a slash `abc*` is the beginning of an issuer and `*abc` the end of a subject. Both must be there, so that a
 * token without a subject is a guest's (istio-semantics §6.3).
 */
export function anyRequestPrincipal(values: readonly string[]): (caller: Caller) => boolean {
  const pairs = values.map(pairOf);
  return ({ issuer, subject = '' }) =>
    subject !== '' && pairs.some((pair) => pair.issuer(issuer) && pair.subject(subject));
}

interface Pair {
  readonly issuer: TextTest;
  readonly subject: TextTest;
}

const isPresent: TextTest = (text) => text !== '';
const is =
  (wanted: string): TextTest =>
  (text) =>
    text === wanted;
const begins =
  (wanted: string): TextTest =>
  (text) =>
    text.startsWith(wanted);
const ends =
  (wanted: string): TextTest =>
  (text) =>
    text.endsWith(wanted);

function pairOf(value: string): Pair {
  if (value === '*') return { issuer: isPresent, subject: isPresent };
  const slash = value.lastIndexOf('/');
  if (slash < 0) {
    if (value.startsWith('*')) return { issuer: isPresent, subject: ends(value.slice(1)) };
    if (value.endsWith('*')) return { issuer: begins(value.slice(0, -1)), subject: isPresent };
    return { issuer: is(value), subject: is('') };
  }
  const issuer = value.slice(0, slash);
  const subject = value.slice(slash + 1);
  if (issuer.startsWith('*')) {
    return { issuer: issuer === '*' ? isPresent : ends(issuer.slice(1)), subject: is(subject) };
  }
  if (!subject.endsWith('*')) return { issuer: is(issuer), subject: is(subject) };
  return { issuer: is(issuer), subject: subject === '*' ? isPresent : begins(subject.slice(0, -1)) };
}
