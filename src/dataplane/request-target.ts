import { err, ok, type Result } from '../kernel/result.ts';
import { isCarefulAuthority, splitTarget } from '../table/index.ts';
import type { GatewayFault } from './fault.ts';
import { isUrlAuthority } from './url-authority.ts';

/** What a request asks for, taken apart but not yet normalised. */
export interface RequestTarget {
  /** From the '/' on, without query and fragment. */
  readonly path: string;
  /** '' or from the '?' on. */
  readonly query: string;
  /** As it was given by the absolute form, `:authority` or Host; port and case kept. */
  readonly authority: string;
  /** Of an absolute form, lower case. */
  readonly scheme: string | undefined;
}

const bad = (details: string, message: string): Result<never, GatewayFault> =>
  err({ kind: 'bad-request', details, message });

const BLANK_OR_CONTROL_OR_8BIT = /[^\x21-\x7e]/;
const ABSOLUTE = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([^/?#]*)(.*)$/s;

/**
 * Which authority and path a request is for (istio-semantics §2.2, §7.1; RFC 9112 §3.2). `hostLines` are HTTP/1.1's
 * Host lines; `authority` is HTTP/2's. An absolute-form target beats Host. Two Host lines, or an empty one, are refused
 * (product.md, edge-security S-10, S-11), where Envoy would match them against `*`.
 */
export function readTarget(
  target: string,
  authority: string | undefined,
  hostLines: readonly string[],
): Result<RequestTarget, GatewayFault> {
  if (BLANK_OR_CONTROL_OR_8BIT.test(target) || target === '')
    return bad('http.invalid_url', 'The request target has a blank, a control character or one outside ASCII.');
  const absolute = target.startsWith('/') ? null : ABSOLUTE.exec(target);
  if (hostLines.length > 1) return bad('http.several_host_headers', 'The request has more than one Host header.');
  if (absolute !== null && authority === undefined) return readAbsolute(absolute);
  const host = readHost(authority, hostLines);
  if (!host.ok) return host;
  if (target === '*') return ok({ path: '*', query: '', authority: host.value, scheme: undefined });
  if (!target.startsWith('/')) return bad('absolute_path_rejected', 'The request target must begin with a slash.');
  return ok({ ...splitTarget(target), authority: host.value, scheme: undefined });
}

function readAbsolute(parts: RegExpExecArray): Result<RequestTarget, GatewayFault> {
  const scheme = (parts[1] ?? '').toLowerCase();
  if (scheme === 'https') return err({ kind: 'misdirected-scheme' });
  if (scheme !== 'http') return bad('http1.invalid_scheme', `The scheme '${scheme}' cannot be proxied.`);
  const given = parts[2] ?? '';
  const authority = given.slice(given.indexOf('@') + 1);
  if (!isUrlAuthority(authority)) return bad('http1.invalid_url', 'The host in the request target is not valid.');
  const fault = faultOfAuthority(authority);
  if (fault !== undefined) return err(fault);
  const rest = parts[3] ?? '';
  // `http://h?x` has no path; Envoy takes `?x` for the authority's end and finds no route for it (§7.1).
  if (rest.startsWith('?')) return err({ kind: 'no-route' });
  return ok({ ...splitTarget(rest.startsWith('/') ? rest : `/${rest}`), authority, scheme });
}

function readHost(authority: string | undefined, lines: readonly string[]): Result<string, GatewayFault> {
  const given = authority ?? lines[0];
  if (given === undefined) return bad('missing_host_header', 'The request has no Host header.');
  if (authority !== undefined && lines[0] !== undefined && lines[0].toLowerCase() !== authority.toLowerCase()) {
    return bad('http2.host_differs_from_authority', 'The Host header and :authority name different hosts.');
  }
  const fault = faultOfAuthority(given);
  return fault === undefined ? ok(given) : err(fault);
}

function faultOfAuthority(authority: string): GatewayFault | undefined {
  if (isCarefulAuthority(authority)) return undefined;
  const message =
    authority === ''
      ? 'The Host header is empty.'
      : 'The Host header has characters that no host name has, or is too long.';
  return { kind: 'bad-request', details: 'http.invalid_authority', message };
}
