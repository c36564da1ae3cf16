import { type Comparator, compareStrings } from '../kernel/compare.ts';
import { lowerAscii } from './bytes.ts';

/* -------------------------------------------------- hosts in requests */

export type HostReading =
  | { readonly ok: true; readonly host: string }
  /** The reply is 400 (istio-semantics §2.2). */
  | { readonly ok: false; readonly error: 'malformed-host' };

/** Letters, digits and what RFC 3986 allows in an authority; not blanks, quotes, `/ ? # < > \ ^ { | }`, controls or bytes above 127. */
const AUTHORITY = /^[!$%&'()*+,\-.0-9:;=@A-Z[\]_a-z~]*$/;

/**
 * What the virtual host is chosen by: lower case, without port. What follows the last colon is cut unread (`h:http`,
 * `h:`), colons in brackets belong to the address, a trailing dot stays (istio-semantics §2.2). '' matches only `*`.
 * That a request has no Host at all is the caller's to refuse.
 */
export function parseHost(authority: string): HostReading {
  if (!AUTHORITY.test(authority)) return { ok: false, error: 'malformed-host' };
  const colon = authority.lastIndexOf(':');
  const hasPort = colon >= 0 && authority.lastIndexOf(']') < colon;
  return { ok: true, host: lowerAscii(hasPort ? authority.slice(0, colon) : authority) };
}

/** edge-security S-11: what Istio lets pass and a careful edge refuses: an empty Host, a user part, more than 255 bytes. */
export const isCarefulAuthority = (authority: string): boolean =>
  authority !== '' && authority.length <= 255 && !authority.includes('@') && AUTHORITY.test(authority);

/* ------------------------------------------------------------ domains */

export type DomainKind = 'exact' | 'suffix' | 'prefix' | 'any';

/** Of a virtual host's domain: `*.x.com` and `*-x.com` are suffixes, `x.*` is a prefix. */
export function domainKind(domain: string): DomainKind {
  if (domain === '*') return 'any';
  if (domain.startsWith('*')) return 'suffix';
  return domain.endsWith('*') ? 'prefix' : 'exact';
}

/** Whether a request host belongs under a domain; a wildcard stands for at least one character (istio-semantics §2.2). */
export function hostMatches(domain: string, host: string): boolean {
  switch (domainKind(domain)) {
    case 'any':
      return true;
    case 'suffix':
      return host.length >= domain.length && host.endsWith(domain.slice(1));
    case 'prefix':
      return host.length >= domain.length && host.startsWith(domain.slice(0, -1));
    case 'exact':
      return host === domain;
  }
}

const RANK: Readonly<Record<DomainKind, number>> = { exact: 0, suffix: 1, prefix: 2, any: 3 };

/** The order in which Envoy tries domains: exact, longest suffix, longest prefix, `*` (istio-semantics §2.2). */
export const compareDomains: Comparator<string> = (a, b) =>
  RANK[domainKind(a)] - RANK[domainKind(b)] || b.length - a.length || compareStrings(a, b);

/* ------------------- hosts of Gateways and VirtualServices (§1.2 no. 4, §11 host row) */

/**
 * Whether two names of resources overlap: equal, or one covers the other. `*.x.com` does not cover `x.com`. Letters
 * are compared as written: `Upper.x.com` and `upper.x.com` do not meet (istio-semantics §1.1 `hosts[]`).
 */
export const nameMatches = (a: string, b: string): boolean => nameSubsetOf(a, b) || nameSubsetOf(b, a);

/** Whether everything that `a` names is named by `b` too. */
export function nameSubsetOf(a: string, b: string): boolean {
  if (!b.startsWith('*')) return a === b;
  if (!a.startsWith('*')) return a.endsWith(b.slice(1));
  return a.length >= b.length && a.endsWith(b.slice(1));
}

/** The more specific of two names that overlap; undefined when they do not. */
export function intersectNames(a: string, b: string): string | undefined {
  if (nameSubsetOf(a, b)) return a;
  return nameSubsetOf(b, a) ? b : undefined;
}

/** What both lists cover, in the order of the first and then of the second, each name once (istio-semantics §1.2 no. 4). */
export function intersectHosts(a: readonly string[], b: readonly string[]): readonly string[] {
  const common = new Set<string>();
  for (const one of a) {
    for (const other of b) {
      const name = intersectNames(one, other);
      if (name !== undefined) common.add(name);
    }
  }
  return [...common];
}
