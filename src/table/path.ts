import type { PathNormalization } from './model.ts';

export type NormalizedPath =
  | { readonly ok: true; readonly path: string }
  /** The reply is 400 (istio-semantics §7.1, details `path_normalization_failed`). */
  | { readonly ok: false; readonly error: PathError };

/** `not-absolute`: no leading slash. `null-byte`: `%00`. */
export type PathError = 'not-absolute' | 'null-byte';

/** What a request target asks for: the fragment is cut, the query keeps its '?' (istio-semantics §7.1). */
export function splitTarget(target: string): { readonly path: string; readonly query: string } {
  const fragment = target.indexOf('#');
  const end = fragment < 0 ? target.length : fragment;
  const question = target.indexOf('?');
  if (question < 0 || question > end) return { path: fragment < 0 ? target : target.slice(0, end), query: '' };
  return { path: target.slice(0, question), query: target.slice(question, end) };
}

/**
 * The path that is matched, authorised, logged and forwarded (istio-semantics §7.1). `path` is without query and
 * fragment, one character a byte. Never to be called twice on one request: an escaped `;` after dots becomes a dot
 * segment the second time, as in Envoy.
 */
export function normalizePath(path: string, mode: PathNormalization): NormalizedPath {
  if (path.charCodeAt(0) !== SLASH) return { ok: false, error: 'not-absolute' };
  if (mode === 'none') return { ok: true, path };
  const unescaped = mode === 'decode-and-merge-slashes' ? decodeSlashes(path) : path;
  const resolved = NEEDS_WORK.test(unescaped) ? canonicalize(dropDotParameters(unescaped)) : unescaped;
  if (resolved === undefined) return { ok: false, error: 'null-byte' };
  return { ok: true, path: mode === 'base' ? resolved : mergeSlashes(resolved) };
}

/**
 * Whether a path that a rewrite made still names what it seems to name: no receiver that resolves dot segments as we
 * do would go elsewhere. `/base` + `../x` escapes the team's own prefix, so such a path is refused (product.md,
 * edge-security P-10). Doubled slashes are Istio's documented result of textual rewriting (istio-semantics §2.9) and
 * stay; under NONE dot segments are the network team's wish. A query that the rewrite wrote is not looked at.
 */
export function isNormalPath(path: string, mode: PathNormalization): boolean {
  if (path.charCodeAt(0) !== SLASH) return false;
  if (mode === 'none') return true;
  const { path: alone } = splitTarget(path);
  return !DOT_SEGMENT.test(mode === 'decode-and-merge-slashes' ? decodeSlashes(alone) : alone);
}

/** A segment of one or two dots, plain or escaped, with or without parameters; backslashes count as slashes. */
const DOT_SEGMENT = /[/\\](?:\.|%2e){1,2}(?:[;/\\]|$)/i;

const SLASH = 0x2f;
/** Anything but plain characters that stay, and dots elsewhere than behind a slash. */
const NEEDS_WORK = /[^!$&'()*+,\-./0-9:;=@A-Z[\]_a-z~]|\/\./;
/** Unreserved: their escapes are decoded. The dot is judged apart, since it may make a dot segment. */
const UNRESERVED = /^[-0-9A-Z_a-z~]$/;
const HEX_PAIR = /^[0-9A-Fa-f]{2}$/;
/** Must not stand unescaped in a path; controls and bytes above 127 are refused long before, yet are escaped alike. */
const TO_ESCAPE = /[\x01-\x20"#<>?^`{|}\x7f-\xff]/;

const decodeSlashes = (path: string): string =>
  path.includes('%') ? path.replace(/%2f/gi, '/').replace(/%5c/gi, '\\') : path;

/** `/a/..;v=1/b` means `/a/../b` to servers that know path parameters; escaped dots are not looked at [recorded]. */
function dropDotParameters(path: string): string {
  if (!path.includes('.;')) return path;
  return path
    .split('/')
    .map((segment) => (segment.startsWith('..;') ? '..' : segment.startsWith('.;') ? '.' : segment))
    .join('/');
}

/** A path of slashes only becomes `//`, as its first and last slash are kept one by one [recorded]. */
function mergeSlashes(path: string): string {
  if (!path.includes('//')) return path;
  const segments = path.split('/').filter((segment) => segment !== '');
  return `/${segments.join('/')}${path.endsWith('/') ? '/' : ''}`;
}

/** Length of a dot at that place, plain or escaped; 0: none. */
function dotAt(path: string, at: number): number {
  const code = path.charCodeAt(at);
  if (code === 0x2e) return 1;
  return code === 0x25 && path.charCodeAt(at + 1) === 0x32 && (path.charCodeAt(at + 2) | 0x20) === 0x65 ? 3 : 0;
}

const endsSegment = (path: string, at: number): boolean =>
  at >= path.length || path.charCodeAt(at) === SLASH || path.charCodeAt(at) === 0x5c;

/**
 * Dot segments resolved, backslashes turned, escapes of unreserved characters decoded, others kept as they are; wrong
 * escapes stay. undefined: there is a NUL in it.
 */
function canonicalize(path: string): string | undefined {
  let out = '';
  /** Where in `out` the last percent sign stands that began no escape. */
  let loosePercent = -9;
  for (let at = 0; at < path.length; ) {
    const dot = dotAt(path, at);
    if (dot > 0) {
      const second = dotAt(path, at + dot);
      if (out.endsWith('/') && endsSegment(path, at + dot)) {
        at += dot + 1;
      } else if (out.endsWith('/') && second > 0 && endsSegment(path, at + dot + second)) {
        out = out.slice(0, Math.max(1, out.lastIndexOf('/', out.length - 2) + 1));
        if (loosePercent >= out.length) loosePercent = -9;
        at += dot + second + 1;
      } else {
        out += '.';
        at += dot;
      }
      continue;
    }
    const char = path.charAt(at);
    if (char === '\0') return undefined;
    if (char === '%') {
      const hex = path.slice(at + 1, at + 3);
      if (!HEX_PAIR.test(hex)) {
        loosePercent = out.length;
        out += '%';
        at += 1;
        continue;
      }
      if (hex === '00') return undefined;
      const decoded = String.fromCharCode(Number.parseInt(hex, 16));
      at += 3;
      out = UNRESERVED.test(decoded) ? tightenPercent(out + decoded, loosePercent, path.charAt(at)) : `${out}%${hex}`;
      continue;
    }
    out += char === '\\' ? '/' : TO_ESCAPE.test(char) ? escapeByte(char) : char;
    at += 1;
  }
  return out;
}

const escapeByte = (char: string): string => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;

/**
 * `%%34` + `1` must not become `%41`, an escape that was none in the request: the loose percent sign is escaped itself
 * where what was just decoded would complete it (`%2541`).
 */
function tightenPercent(out: string, loosePercent: number, next: string): string {
  const tail = out.slice(loosePercent + 1);
  if (loosePercent < 0 || tail.length > 2) return out;
  return HEX_PAIR.test(tail.length === 1 ? tail + next : tail) ? `${out.slice(0, loosePercent)}%25${tail}` : out;
}
