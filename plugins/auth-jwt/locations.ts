import { type Exchange, headerLines, toBytes } from '../../src/contract/index.ts';
import type { TokenLocations } from './config.ts';

type Request = Pick<Exchange, 'headers' | 'query'>;

export interface FoundToken {
  readonly text: string;
  readonly place: TokenPlace;
}

export type TokenPlace =
  | { readonly kind: 'header'; readonly name: string }
  | { readonly kind: 'param'; readonly name: string }
  | { readonly kind: 'cookie' };

/** Every token in a rule's places: headers first, then parameters, then cookies (istio-semantics §6.1). */
export function findTokens(request: Request, { headers, params, cookies }: TokenLocations): readonly FoundToken[] {
  const found: FoundToken[] = [];
  for (const { name, prefix } of headers) findInHeader(request, name, toBytes(prefix), found);
  if (params.length > 0 && request.query.length > 1) findInQuery(request.query, params, found);
  if (cookies.length > 0) findInCookies(request, cookies, found);
  return found;
}

/** What a token is written with: base64url and dots. */
const TOKEN_START = /[A-Za-z0-9_.-]/;

/** The prefix may stand anywhere; behind it the token begins with the first letter that it may have, and goes to the end. */
function findInHeader({ headers }: Request, name: string, prefix: string, found: FoundToken[]): void {
  if (!headers.has(name)) return;
  for (const line of headerLines(headers, name)) {
    const at = line.indexOf(prefix);
    if (at < 0) continue;
    const text = prefix === '' ? line : tokenBehind(line.slice(at + prefix.length));
    found.push({ text, place: { kind: 'header', name } });
  }
}

function tokenBehind(rest: string): string {
  const start = rest.search(TOKEN_START);
  return start < 0 ? rest : rest.slice(start).trimEnd();
}

/** Of equal names the first counts. Names and values are decoded, a `+` stays what it is. */
function findInQuery(query: string, names: readonly string[], found: FoundToken[]): void {
  const values = new Map<string, string>();
  for (const pair of query.slice(1).split('&')) {
    const equals = pair.indexOf('=');
    const name = percentDecode(equals < 0 ? pair : pair.slice(0, equals));
    if (!values.has(name)) values.set(name, equals < 0 ? '' : pair.slice(equals + 1));
  }
  for (const name of names) {
    const value = values.get(toBytes(name));
    if (value !== undefined) found.push({ text: percentDecode(value), place: { kind: 'param', name: toBytes(name) } });
  }
}

const ESCAPE = /%([0-9A-Fa-f]{2})/g;

const percentDecode = (text: string): string =>
  text.includes('%') ? text.replace(ESCAPE, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))) : text;

/** Of equal names the first counts, over all lines; quotes around a value are no part of it. */
function findInCookies({ headers }: Request, names: readonly string[], found: FoundToken[]): void {
  const values = new Map<string, string>();
  for (const line of headers.getAll('cookie')) {
    for (const part of line.split(';')) {
      const equals = part.indexOf('=');
      if (equals < 0) continue;
      const name = part.slice(0, equals).trimStart();
      if (!values.has(name)) values.set(name, unquote(part.slice(equals + 1).trim()));
    }
  }
  for (const name of names) {
    const value = values.get(toBytes(name));
    if (value !== undefined) found.push({ text: value, place: { kind: 'cookie' } });
  }
}

const unquote = (value: string): string =>
  value.length >= 2 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;

/**
 * Takes a token off the request: a header goes whole, a parameter with all of its name; cookies stay. The rest of the
 * query stays byte for byte (product.md: Istio sorts and decodes it).
 */
export function removeToken(request: Request, place: TokenPlace): void {
  switch (place.kind) {
    case 'header':
      request.headers.remove(place.name);
      return;
    case 'param': {
      const kept = request.query
        .slice(1)
        .split('&')
        .filter((pair) => percentDecode(pair.split('=', 1)[0] as string) !== place.name);
      request.query = kept.length === 0 ? '' : `?${kept.join('&')}`;
      return;
    }
    case 'cookie':
      return;
  }
}
