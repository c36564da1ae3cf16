import { scopeOf } from '../../src/contract/authz-predicate/index.ts';
import type { FilterSpec } from '../../src/contract/index.ts';
import { by, compareStrings } from '../../src/kernel/compare.ts';
import { parseDurationMs } from '../../src/kernel/duration.ts';
import type { JWTRule, RequestAuthenticationBody } from '../../src/resources/kinds.ts';

/** The rules of all RequestAuthentications that act on the gateway, by issuer (istio-semantics §6.1). */
export interface JwtSettings {
  readonly rules: readonly JwtRuleSettings[];
  /** Headers that only we write, in lower case: a client's own are taken off every request before anything looks at it. */
  readonly sanitizeHeaders: readonly string[];
}

export interface JwtRuleSettings {
  /** '': any. */
  readonly issuer: string;
  /** Without scheme and final slash, as they are compared; empty: any. */
  readonly audiences: readonly string[];
  readonly keys: KeySource;
  readonly locations: TokenLocations;
  readonly forwardOriginalToken: boolean;
  /** In lower case. */
  readonly payloadHeader: string | undefined;
  readonly claimHeaders: readonly ClaimHeader[];
  readonly spaceDelimitedClaims: readonly string[];
}

export type KeySource =
  | { readonly kind: 'inline'; readonly jwks: string }
  | { readonly kind: 'uri'; readonly uri: string; readonly timeoutMs: number }
  /** By OpenID discovery. */
  | { readonly kind: 'discovery'; readonly issuer: string; readonly timeoutMs: number };

/** In the order in which tokens are found; each list in byte order, as Envoy keeps them. */
export interface TokenLocations {
  /** Names in lower case; '' as prefix: the whole value. */
  readonly headers: readonly { readonly name: string; readonly prefix: string }[];
  readonly params: readonly string[];
  readonly cookies: readonly string[];
}

interface ClaimHeader {
  /** In lower case. */
  readonly header: string;
  /** `a.b` is `b` of `a`. */
  readonly claim: readonly string[];
}

const DEFAULT_TIMEOUT_MS = 5_000;

const DEFAULT_LOCATIONS: TokenLocations = {
  headers: [{ name: 'authorization', prefix: 'Bearer ' }],
  params: ['access_token'],
  cookies: [],
};

export const authJwtSpec: FilterSpec<JwtSettings> = {
  name: 'auth-jwt',
  kinds: ['RequestAuthentication'],
  compileWorkload(context) {
    const rules = context.policies
      .filter((policy) => scopeOf(policy, context).kind === 'gateway')
      .flatMap((policy) => (policy.body as RequestAuthenticationBody).spec.jwtRules ?? [])
      .map(compileJwtRule)
      .sort(by((rule) => rule.issuer, compareStrings));
    return rules.length === 0 ? undefined : { rules, sanitizeHeaders: outputHeaders(rules) };
  },
};

export function compileJwtRule(rule: JWTRule): JwtRuleSettings {
  return {
    issuer: rule.issuer ?? '',
    audiences: (rule.audiences ?? []).map(normalAudience),
    keys: keySourceOf(rule),
    locations: locationsOf(rule),
    forwardOriginalToken: rule.forwardOriginalToken === true,
    payloadHeader: (rule.outputPayloadToHeader ?? '') === '' ? undefined : rule.outputPayloadToHeader?.toLowerCase(),
    claimHeaders: (rule.outputClaimToHeaders ?? []).map(({ header = '', claim = '' }) => ({
      header: header.toLowerCase(),
      claim: claim.split('.'),
    })),
    spaceDelimitedClaims: rule.spaceDelimitedClaims ?? [],
  };
}

/** One final slash and a lower-case `http://` or `https://` do not count, on either side (§6.1). */
export function normalAudience(audience: string): string {
  const scheme = audience.startsWith('http://') ? 7 : audience.startsWith('https://') ? 8 : 0;
  return audience.slice(scheme, audience.endsWith('/') ? Math.max(scheme, audience.length - 1) : undefined);
}

/** Inline keys win over an address, as in istiod. */
function keySourceOf({ jwks = '', jwksUri = '', issuer = '', timeout }: JWTRule): KeySource {
  if (jwks !== '') return { kind: 'inline', jwks };
  const duration = timeout === undefined ? undefined : parseDurationMs(timeout);
  const timeoutMs = duration?.ok === true && duration.value > 0 ? duration.value : DEFAULT_TIMEOUT_MS;
  return jwksUri === '' ? { kind: 'discovery', issuer, timeoutMs } : { kind: 'uri', uri: jwksUri, timeoutMs };
}

function locationsOf({ fromHeaders = [], fromParams = [], fromCookies = [] }: JWTRule): TokenLocations {
  if (fromHeaders.length + fromParams.length + fromCookies.length === 0) return DEFAULT_LOCATIONS;
  const headers = new Map(
    fromHeaders.map(({ name = '', prefix = '' }) => {
      const header = { name: name.toLowerCase(), prefix };
      return [header.name + prefix, header] as const;
    }),
  );
  return {
    headers: [...headers].sort(by(([key]) => key, compareStrings)).map(([, header]) => header),
    params: [...new Set(fromParams)].sort(compareStrings),
    cookies: [...new Set(fromCookies)].sort(compareStrings),
  };
}

const outputHeaders = (rules: readonly JwtRuleSettings[]): readonly string[] => [
  ...new Set(
    rules.flatMap((rule) => [
      ...(rule.payloadHeader === undefined ? [] : [rule.payloadHeader]),
      ...rule.claimHeaders.map(({ header }) => header),
    ]),
  ),
];
