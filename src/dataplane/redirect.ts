import { toBytes } from '../contract/index.ts';
import type { RedirectAction } from '../table/model.ts';

export interface RedirectFacts {
  readonly scheme: 'http' | 'https';
  /** Came over TLS: decides which port is the default one when the action names no scheme (istio-semantics §2.6). */
  readonly secure: boolean;
  /** What X-Forwarded-Proto says: whose default port goes when the scheme changes. An HTTP/2 client may say another `:scheme`. */
  readonly forwardedProto: string;
  readonly authority: string;
  readonly path: string;
  readonly query: string;
}

/** Where httpsRedirect sends a request: the Host as sent, port included (istio-semantics §1.4). */
export const tlsRedirectLocation = ({ authority, path, query }: RedirectFacts): string =>
  `https://${authority}${path}${query}`;

/** The Location of a `redirect`, one character a byte (istio-semantics §2.6). */
export function redirectLocation(action: RedirectAction, facts: RedirectFacts): string {
  const scheme = action.scheme ?? facts.scheme;
  return `${scheme}://${redirectAuthority(action, facts, scheme)}${redirectPath(action.path, facts)}`;
}

function redirectAuthority(action: RedirectAction, facts: RedirectFacts, scheme: string): string {
  const suppressed =
    (action.port === 80 && portScheme(action, facts) === 'http') ||
    (action.port === 443 && portScheme(action, facts) === 'https');
  const port = action.port === undefined || suppressed ? undefined : action.port;
  if (action.authority !== undefined) {
    const authority = toBytes(action.authority);
    return port === undefined ? authority : `${authority}:${port}`;
  }
  if (port !== undefined) return `${withoutPort(facts.authority)}:${port}`;
  const { forwardedProto } = facts;
  if (scheme !== forwardedProto) return withoutDefaultPort(facts.authority, forwardedProto);
  return facts.authority;
}

const portScheme = (action: RedirectAction, facts: RedirectFacts): string =>
  action.scheme ?? (facts.secure ? 'https' : 'http');

const withoutPort = (authority: string): string => authority.replace(/:[^:\]]*$/, '');

const DEFAULT_PORTS: ReadonlyMap<string, string> = new Map([
  ['http', ':80'],
  ['https', ':443'],
]);

/** When the scheme changes, the default port of the old one goes, and only that. */
const withoutDefaultPort = (authority: string, scheme: string): string => {
  const suffix = DEFAULT_PORTS.get(scheme);
  return suffix !== undefined && authority.endsWith(suffix) ? authority.slice(0, -suffix.length) : authority;
};

/** The query goes along unless the new path has one of its own; a fragment does not keep it away. */
function redirectPath(path: string | undefined, { path: current, query }: RedirectFacts): string {
  if (path === undefined) return `${current}${query}`;
  const rooted = toBytes(path.startsWith('/') ? path : `/${path}`);
  return rooted.includes('?') ? rooted : `${rooted}${query}`;
}
