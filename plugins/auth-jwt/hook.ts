import type { Exchange, Filter, LocalReply } from '../../src/contract/index.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import { Authenticator, UNWRITABLE_CLAIM, type Verdict } from './authenticator.ts';
import { authJwtSpec, type JwtRuleSettings, type JwtSettings } from './config.ts';
import { type DialGuard, fetchDocument } from './fetch-document.ts';
import { inlineKeys, type Keys, RemoteKeys, type RemoteTiming } from './key-source.ts';
import { AUDIENCE_NOT_ALLOWED, MISSING, type Refusal } from './token.ts';
import type { CacheLimits } from './token-cache.ts';

export interface JwtFilterOptions {
  readonly clock: Clock;
  readonly mayDial: DialGuard;
  readonly warn: (message: string) => void;
  readonly info?: (message: string) => void;
  /** Instead of going to the network. */
  readonly fetch?: (address: string, timeoutMs: number) => Promise<string>;
  readonly timing?: Partial<RemoteTiming>;
  readonly cacheLimits?: CacheLimits;
}

export interface JwtFilter extends Filter<JwtSettings> {
  /** Of all addresses that rules in service name. */
  remoteKeys(): readonly RemoteKeys[];
  /** Ends all fetching. */
  stop(): void;
}

/** Verifies tokens (istio-semantics §6.1). A request without one passes, without an identity. */
export function createJwtFilter(options: JwtFilterOptions): JwtFilter {
  const state = new JwtState(options);
  return {
    name: authJwtSpec.name,
    published: (all) => state.publish(all),
    prepare: sanitize,
    request(exchange, settings) {
      sanitize(exchange, settings);
      if (isPreflight(exchange)) return undefined;
      const verdict = state.authenticatorOf(settings).authenticate(exchange);
      return verdict instanceof Promise ? verdict.then((one) => settle(exchange, one)) : settle(exchange, verdict);
    },
    remoteKeys: () => state.remoteKeys(),
    stop: () => state.stop(),
  };
}

/** What outlives a table: key sets by where they come from, and authenticators by what their rules say. */
class JwtState {
  readonly #options: JwtFilterOptions;
  readonly #bound = new WeakMap<JwtSettings, Authenticator>();
  #byContent = new Map<string, Authenticator>();
  #keys = new Map<string, Keys>();

  constructor(options: JwtFilterOptions) {
    this.#options = options;
  }

  /** Rules that say the same keep their verified tokens; sources that are still named keep their keys, others end. */
  publish(all: readonly JwtSettings[]): void {
    const contents = new Map<string, Authenticator>();
    for (const settings of all) contents.set(JSON.stringify(settings), this.authenticatorOf(settings));
    this.#byContent = contents;
    const named = new Set(all.flatMap(({ rules }) => rules.map(sourceName)));
    for (const [name, keys] of this.#keys) {
      if (named.has(name)) continue;
      keys.stop();
      this.#keys.delete(name);
    }
  }

  authenticatorOf(settings: JwtSettings): Authenticator {
    const known = this.#bound.get(settings);
    if (known !== undefined) return known;
    const content = JSON.stringify(settings);
    const { clock, cacheLimits } = this.#options;
    const bound =
      this.#byContent.get(content) ?? new Authenticator(settings, (rule) => this.#keysOf(rule), clock, cacheLimits);
    this.#bound.set(settings, bound);
    return bound;
  }

  remoteKeys(): readonly RemoteKeys[] {
    return [...this.#keys.values()].filter((keys) => keys instanceof RemoteKeys);
  }

  stop(): void {
    for (const keys of this.#keys.values()) keys.stop();
    this.#keys.clear();
  }

  #keysOf(rule: JwtRuleSettings): Keys {
    const name = sourceName(rule);
    const keys = this.#keys.get(name) ?? this.#openKeys(rule);
    this.#keys.set(name, keys);
    return keys;
  }

  #openKeys({ keys }: JwtRuleSettings): Keys {
    if (keys.kind === 'inline') return inlineKeys(keys.jwks);
    const { clock, mayDial, warn, info, timing = {}, fetch } = this.#options;
    return new RemoteKeys(keys, {
      clock,
      warn,
      ...(info !== undefined && { info }),
      timing,
      fetch: fetch ?? ((address, timeoutMs) => fetchDocument(address, timeoutMs, mayDial)),
    });
  }
}

const sourceName = ({ keys }: JwtRuleSettings): string => JSON.stringify(keys);

function sanitize({ headers }: Exchange, { sanitizeHeaders }: JwtSettings): void {
  for (const name of sanitizeHeaders) if (headers.has(name)) headers.remove(name);
}

/** A complete one carries no credentials (§6.1); with an empty value it is none. */
const isPreflight = ({ method, headers }: Exchange): boolean =>
  method === 'OPTIONS' &&
  (headers.get('origin') ?? '') !== '' &&
  (headers.get('access-control-request-method') ?? '') !== '';

function settle(exchange: Exchange, verdict: Verdict): LocalReply | undefined {
  switch (verdict.kind) {
    case 'anonymous':
      return undefined;
    case 'refused':
      return refusalReply(exchange, verdict.refusal);
    case 'verified': {
      const { identity } = verdict;
      exchange.identity = identity;
      if (identity.subject !== undefined) exchange.record.principal = `${identity.issuer}/${identity.subject}`;
      exchange.reselectRoute();
      return undefined;
    }
  }
}

/** So much of the address is repeated to the caller, and nothing of the query, which may hold a token. */
const MAX_REALM = 256;

function refusalReply({ scheme, authority, path }: Exchange, refusal: Refusal): LocalReply {
  const details = `jwt_authn_access_denied{${refusal.replaceAll(' ', '_')}}`;
  if (refusal === UNWRITABLE_CLAIM) {
    return { status: 503, cause: 'jwt-claim-unwritable', side: 'policy', message: refusal, details };
  }
  const realm = `${scheme}://${authority}${path}`.slice(0, MAX_REALM).replaceAll(/["\\]/g, encodeURIComponent);
  const error = refusal === MISSING ? '' : ', error="invalid_token"';
  const isForbidden = refusal === AUDIENCE_NOT_ALLOWED;
  return {
    status: isForbidden ? 403 : 401,
    cause: isForbidden ? 'jwt-audience' : 'jwt-invalid',
    side: 'client',
    message: refusal,
    details,
    headers: [['www-authenticate', `Bearer realm="${realm}"${error}`]],
  };
}
