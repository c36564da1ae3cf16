import { HeaderList } from '../../contract/headers.ts';

/** A request's head as HTTP/2 carries it, taken apart. */
export interface Http2Head {
  readonly method: string;
  readonly path: string;
  readonly scheme: string | undefined;
  readonly authority: string | undefined;
  readonly headers: HeaderList;
  readonly contentLength: number | undefined;
  readonly expect: string | undefined;
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const VISIBLE = /^[\x21-\x7e]+$/;
const DIGITS = /^\d{1,15}$/;

interface Pseudo {
  method: string | undefined;
  path: string | undefined;
  scheme: string | undefined;
  authority: string | undefined;
}

/**
 * undefined: the stream is to be reset (edge-security H rows; istio-semantics §7.1). nghttp2 has looked already at order and
 * number of the pseudo headers, at upper-case and at connection-specific names. A field with characters that no field may
 * have it leaves out, and node offers no way to ask for a reset instead (H-11): neither a policy nor a service ever sees it.
 * Only blanks around a value it can be told to leave to us.
 */
export function readHead(
  raw: readonly string[],
  limits: { readonly maxHeaders: number; readonly maxHeaderBytes: number },
): Http2Head | undefined {
  const pseudo: Pseudo = { method: undefined, path: undefined, scheme: undefined, authority: undefined };
  const lines: string[] = [];
  let bytes = 0;
  let pseudoFields = 0;
  let cookieAt = -1;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string;
    const value = raw[i + 1] as string;
    if (hasBlankEnds(value)) return undefined;
    bytes += name.length + value.length;
    if (name.startsWith(':')) {
      pseudoFields++;
      if (!setPseudo(pseudo, name, value)) return undefined;
    } else if (name === 'cookie' && cookieAt >= 0) {
      // One field on the other side of the gateway (RFC 9113 §8.2.3).
      lines[cookieAt] += `; ${value}`;
    } else {
      if (name === 'cookie') cookieAt = lines.length + 1;
      lines.push(name, value);
    }
  }
  // Envoy counts what stands for the request line too (its HTTP/2 codec, `saveHeader`).
  if (bytes > limits.maxHeaderBytes || pseudoFields + lines.length / 2 > limits.maxHeaders) return undefined;
  return checkedHead(pseudo, HeaderList.fromRaw(lines));
}

const isBlank = (code: number): boolean => code === 0x20 || code === 0x09;

/** RFC 9113 §8.2.1. */
const hasBlankEnds = (value: string): boolean =>
  value.length > 0 && (isBlank(value.charCodeAt(0)) || isBlank(value.charCodeAt(value.length - 1)));

function setPseudo(pseudo: Pseudo, name: string, value: string): boolean {
  const key = name.slice(1);
  if (key !== 'method' && key !== 'path' && key !== 'scheme' && key !== 'authority') return false;
  if (pseudo[key] !== undefined) return false;
  pseudo[key] = value;
  return true;
}

function checkedHead(pseudo: Pseudo, headers: HeaderList): Http2Head | undefined {
  const { method, scheme, authority } = pseudo;
  if (method === undefined || !TOKEN.test(method)) return undefined;
  if (authority === undefined && !headers.has('host')) return undefined;
  if (authority !== undefined && (!VISIBLE.test(authority) || authority.includes('@'))) return undefined;
  const path = method === 'CONNECT' ? (pseudo.path ?? '') : checkedPath(method, pseudo.path);
  if (path === undefined) return undefined;
  if (method !== 'CONNECT' && !/^https?$/i.test(scheme ?? '')) return undefined;
  const lengths = headers.getAll('content-length');
  if (lengths.length > 1 || (lengths[0] !== undefined && !DIGITS.test(lengths[0]))) return undefined;
  const contentLength = lengths[0] === undefined ? undefined : Number(lengths[0]);
  const expect = headers.get('expect')?.toLowerCase();
  return { method, path, scheme, authority, headers, contentLength, expect };
}

/** From a slash on; `*` for OPTIONS alone. Anything else is a reset (istio-semantics §7.1). */
function checkedPath(method: string, path: string | undefined): string | undefined {
  if (path === undefined || !VISIBLE.test(path)) return undefined;
  return path.startsWith('/') || (path === '*' && method === 'OPTIONS') ? path : undefined;
}

/** Names that mean something else, or too much, at the end of a message (RFC 9110 §6.5.1; edge-security F-21). */
const NOT_IN_TRAILERS = new Set(
  (
    'authorization cache-control connection content-encoding content-length content-range content-type cookie expect ' +
    'forwarded host keep-alive max-forwards origin proxy proxy-authorization proxy-connection set-cookie te trailer ' +
    'transfer-encoding upgrade x-http-method x-http-method-override x-method-override x-original-url x-real-ip ' +
    'x-request-id x-rewrite-url'
  ).split(' '),
);

/** What the gateway says to a service of its caller has names like these, wherever policies put it. */
const NAMED_LIKE_OURS = /^x-(?:auth|envoy|forwarded|jwt|user)(?:-|$)|_/;

/** Trailers of a request, without those that could be taken for headers. */
export function readTrailers(raw: readonly string[]): HeaderList | undefined {
  const lines: string[] = [];
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string;
    const value = raw[i + 1] as string;
    if (name.startsWith(':') || NOT_IN_TRAILERS.has(name) || NAMED_LIKE_OURS.test(name) || hasBlankEnds(value))
      continue;
    lines.push(name, value);
  }
  return lines.length === 0 ? undefined : HeaderList.fromRaw(lines);
}
