/** The forms of names that Istio's admission takes (istio-semantics §10.1). Upper case passes there. */
const LABEL = '[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?';
const DNS_LABEL = new RegExp(`^${LABEL}$`);
const WILDCARD_LABEL = new RegExp(`^(?:\\*|(?:\\*|\\*-)?${LABEL})$`);
const QUALIFIED = '(?:[A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';
const LABEL_KEY = new RegExp(`^(?:(${LABEL}(?:\\.${LABEL})*)/)?(${QUALIFIED})$`);
const LABEL_VALUE = new RegExp(`^(?:${QUALIFIED})?$`);
const MAX_LABEL = 63;
const MAX_DOMAIN = 255;
const MAX_PREFIX = 253;

export const isDnsLabel = (text: string): boolean => text.length <= MAX_LABEL && DNS_LABEL.test(text);
const isWildcardLabel = (text: string): boolean => text.length <= MAX_LABEL && WILDCARD_LABEL.test(text);

/** What keeps a text from being a domain name without wildcard; undefined: nothing. */
export const domainMistake = (domain: string): string | undefined =>
  lengthMistake(domain) ?? labelsMistake(domain, domain);

/** As `domainMistake`, but the first label may be, or begin with, `*`. */
export function wildcardDomainMistake(domain: string): string | undefined {
  const length = lengthMistake(domain);
  if (length !== undefined) return length;
  const dot = domain.indexOf('.');
  const first = dot === -1 ? domain : domain.slice(0, dot);
  if (!isWildcardLabel(first)) return badLabel(domain, first);
  return dot === -1 ? undefined : labelsMistake(domain, domain.slice(dot + 1));
}

/** `*foo.com`, `a.*.com`: a star that does not stand for whole leading labels. */
export const isPartialWildcard = (domain: string): boolean =>
  domain.includes('*') && domain.length !== 1 && !domain.startsWith('*.');

function lengthMistake(domain: string): string | undefined {
  if (domain === '') return 'a domain name must not be empty';
  return domain.length > MAX_DOMAIN ? `${quote(domain)} is longer than ${MAX_DOMAIN} characters` : undefined;
}

/** One dot at the end is fine: `istio.io.` */
function labelsMistake(domain: string, labels: string): string | undefined {
  const parts = labels.split('.');
  const topLevel = parts.at(-1) ?? '';
  if (isInt64(topLevel)) return `${quote(domain)} is no domain name: the top level ${quote(topLevel)} is a number`;
  const bad = parts.find((label, index) => !(label === '' && index === parts.length - 1) && !isDnsLabel(label));
  return bad === undefined ? undefined : badLabel(domain, bad);
}

const badLabel = (domain: string, label: string): string =>
  `${quote(domain)} is no domain name: ${quote(label)} is no label of letters, digits and inner dashes`;

const isInt64 = (text: string): boolean => /^[-+]?\d+$/.test(text) && BigInt(text.replace('+', '')) <= 2n ** 63n - 1n;

/** Does any host match both? (istio-semantics §10.3: duplicate or overlapping hosts.) */
export function hostsOverlap(a: string, b: string): boolean {
  if (a.startsWith('*')) {
    if (!b.startsWith('*')) return b.endsWith(a.slice(1));
    return a.length < b.length ? b.slice(1).endsWith(a.slice(1)) : a.slice(1).endsWith(b.slice(1));
  }
  return b.startsWith('*') ? a.endsWith(b.slice(1)) : a === b;
}

/** Is every host of `inner` one of `outer`? */
export function isHostWithin(inner: string, outer: string): boolean {
  if (inner.startsWith('*'))
    return outer.startsWith('*') && inner.length >= outer.length && inner.slice(1).endsWith(outer.slice(1));
  return outer.startsWith('*') ? inner.endsWith(outer.slice(1)) : inner === outer;
}

/** What keeps a label from being one; undefined: nothing. */
export function labelMistake(key: string, value: string): string | undefined {
  const [, prefix, name] = LABEL_KEY.exec(key) ?? [];
  if (name === undefined || name.length > MAX_LABEL || (prefix?.length ?? 0) > MAX_PREFIX)
    return `${quote(key)} is no label key`;
  return value.length <= MAX_LABEL && LABEL_VALUE.test(value) ? undefined : `${quote(value)} is no label value`;
}

const quote = (text: string): string => JSON.stringify(text);

/** `@request.auth.claims.group`, `@request.auth.claims[a.b]`: a route condition on a token's claim (istio-semantics §6.4). */
const CLAIM = /^@request\.auth\.claims(?:\..+|\[.+\])$/is;
export const isClaimKey = (header: string): boolean => CLAIM.test(header);

/** RFC 9110 tokens, and the parts of the request line that Envoy offers as headers. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const PSEUDO_HEADERS: ReadonlySet<string> = new Set([':method', ':scheme', ':authority', ':path', ':status']);
export const isHeaderToken = (name: string): boolean => TOKEN.test(name);
export const isMatchableHeader = (name: string): boolean =>
  TOKEN.test(name) || PSEUDO_HEADERS.has(name) || isClaimKey(name);
