import type { Exchange, Identity } from '../../src/contract/index.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import { ownCopy } from '../../src/kernel/own-copy.ts';
import { type JwtRuleSettings, type JwtSettings, normalAudience } from './config.ts';
import type { KeySet } from './key-set.ts';
import type { Keys } from './key-source.ts';
import { type FoundToken, findTokens, removeToken } from './locations.ts';
import { andThen, type MaybePromise } from './maybe-promise.ts';
import { type HeaderLine, outputLines } from './outputs.ts';
import {
  AUDIENCE_NOT_ALLOWED,
  MISSING,
  type Parsed,
  type ParsedToken,
  parseToken,
  type Refusal,
  timeRefusal,
  UNKNOWN_ISSUER,
  VERIFICATION_FAILS,
} from './token.ts';
import { type CacheLimits, TokenCache } from './token-cache.ts';

type Request = Pick<Exchange, 'headers' | 'query'>;

export type Verdict =
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'verified'; readonly identity: Identity }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

/** Said of a good token whose claims cannot be written to the headers that the rule wants them in. */
export const UNWRITABLE_CLAIM: Refusal = 'Jwt has a claim that no header can carry';

interface Rule extends JwtRuleSettings {
  readonly index: number;
  readonly source: Keys;
  readonly outputs: readonly string[];
}

/** A token that one rule found good, and by which keys: for other rules and other keys it is unknown. */
interface VerifiedToken {
  readonly rule: Rule;
  readonly keySet: KeySet;
  readonly token: ParsedToken;
  readonly identity: Identity;
  readonly lines: readonly HeaderLine[];
  readonly size: number;
}

/** What one request has come to so far. */
interface Attempt {
  readonly request: Request;
  identity: Identity | undefined;
}

/**
 * The rules of one state of the policies. They are tried as Istio has Envoy try them, and as in Envoy each good token
 * acts on the request at once: its headers are written, and it is taken off, even when its rule then fails
 * at another token. What the rules behind it find depends on that (istio-semantics §6.1, "token present and bad").
 */
export class Authenticator {
  readonly #rules: readonly Rule[];
  readonly #clock: Clock;
  readonly #cache: TokenCache<VerifiedToken>;
  readonly #underway = new Map<string, Promise<VerifiedToken | Refusal>>();
  #lastParsed: { readonly text: string; readonly parsed: Parsed } | undefined;

  constructor(settings: JwtSettings, keysOf: (rule: JwtRuleSettings) => Keys, clock: Clock, limits?: CacheLimits) {
    this.#rules = settings.rules.map((rule, index) => ({
      ...rule,
      index,
      source: keysOf(rule),
      outputs: [
        ...(rule.payloadHeader === undefined ? [] : [rule.payloadHeader]),
        ...rule.claimHeaders.map(({ header }) => header),
      ],
    }));
    this.#clock = clock;
    this.#cache = new TokenCache(limits);
  }

  authenticate(request: Request): MaybePromise<Verdict> {
    const attempt: Attempt = { request, identity: undefined };
    const [only, ...more] = this.#rules;
    const isAlone = only !== undefined && more.length === 0;
    if (!isAlone && this.#rules.every((rule) => findTokens(request, rule.locations).length === 0))
      return { kind: 'anonymous' };
    const outcome = isAlone ? this.#rule(only, attempt) : this.#anyRule(0, attempt, MISSING);
    return andThen(outcome, (refusal): Verdict => {
      if (refusal !== undefined && refusal !== MISSING) return { kind: 'refused', refusal };
      const { identity } = attempt;
      return identity === undefined ? { kind: 'anonymous' } : { kind: 'verified', identity };
    });
  }

  /** One rule that passes alone is enough; else each must pass or find nothing any more. */
  #anyRule(index: number, attempt: Attempt, worst: Refusal): MaybePromise<Refusal | undefined> {
    const rule = this.#rules[index];
    if (rule === undefined)
      return andThen(this.#everyRule(0, attempt), (refusal) => refusal && worseOf(worst, refusal));
    return andThen(this.#rule(rule, attempt), (refusal) =>
      refusal === undefined ? undefined : this.#anyRule(index + 1, attempt, worseOf(worst, refusal)),
    );
  }

  #everyRule(index: number, attempt: Attempt): MaybePromise<Refusal | undefined> {
    const rule = this.#rules[index];
    if (rule === undefined) return undefined;
    return andThen(this.#rule(rule, attempt), (refusal) =>
      refusal === undefined || refusal === MISSING ? this.#everyRule(index + 1, attempt) : refusal,
    );
  }

  #rule(rule: Rule, attempt: Attempt): MaybePromise<Refusal | undefined> {
    for (const name of rule.outputs) attempt.request.headers.remove(name);
    const tokens = findTokens(attempt.request, rule.locations);
    return tokens.length === 0 ? MISSING : this.#tokens(rule, tokens, tokens.length - 1, attempt);
  }

  /** All must be good. From the last place to the first: the mistake that is told is the latter one's. */
  #tokens(
    rule: Rule,
    tokens: readonly FoundToken[],
    index: number,
    attempt: Attempt,
  ): MaybePromise<Refusal | undefined> {
    const found = tokens[index];
    if (found === undefined) return undefined;
    return andThen(this.#verify(rule, found.text), (result) => {
      if (typeof result === 'string') return result;
      for (const [name, value] of result.lines) attempt.request.headers.append(name, value);
      if (!rule.forwardOriginalToken) removeToken(attempt.request, found.place);
      attempt.identity = result.identity;
      return this.#tokens(rule, tokens, index - 1, attempt);
    });
  }

  /** In Envoy's order: form, issuer, time, audience, and only then what costs: keys and signature. */
  #verify(rule: Rule, text: string): MaybePromise<VerifiedToken | Refusal> {
    const known = this.#cache.get(text);
    if (known !== undefined && known.rule === rule && known.keySet === rule.source.current()) {
      const refusal = timeRefusal(known.token, this.#clock.nowMs());
      if (refusal !== undefined) this.#cache.delete(text);
      return refusal ?? known;
    }
    const parsed = this.#parse(text);
    if (!parsed.ok) return parsed.refusal;
    const refusal = this.#claimRefusal(rule, parsed.token);
    return refusal ?? this.#verifySignature(rule, parsed.token);
  }

  /** Several rules read the same token one after the other. */
  #parse(text: string): Parsed {
    if (this.#lastParsed?.text !== text) {
      const own = ownCopy(text);
      this.#lastParsed = { text: own, parsed: parseToken(own) };
    }
    return this.#lastParsed.parsed;
  }

  #claimRefusal(rule: Rule, token: ParsedToken): Refusal | undefined {
    if (rule.issuer !== '' && rule.issuer !== token.issuer) return UNKNOWN_ISSUER;
    const late = timeRefusal(token, this.#clock.nowMs());
    if (late !== undefined || rule.audiences.length === 0) return late;
    const isAllowed = token.audiences.some((audience) => rule.audiences.includes(normalAudience(audience)));
    return isAllowed ? undefined : AUDIENCE_NOT_ALLOWED;
  }

  /** The same token is verified once, however many requests bring it at the same moment. */
  #verifySignature(rule: Rule, token: ParsedToken): MaybePromise<VerifiedToken | Refusal> {
    const id = `${rule.index} ${token.text}`;
    const underway = this.#underway.get(id);
    if (underway !== undefined) return underway;
    const outcome = andThen(rule.source.forToken(token.keyId), (keySet) =>
      keySet === undefined ? VERIFICATION_FAILS : this.#verifyWith(rule, token, keySet),
    );
    if (!(outcome instanceof Promise)) return outcome;
    const shared = outcome.finally(() => this.#underway.delete(id));
    this.#underway.set(id, shared);
    return shared;
  }

  async #verifyWith(rule: Rule, token: ParsedToken, keySet: KeySet): Promise<VerifiedToken | Refusal> {
    const refusal = await keySet.verify(token);
    if (refusal !== undefined) return refusal;
    const lines = outputLines(rule, token);
    if (lines === undefined) return UNWRITABLE_CLAIM;
    const verified = { rule, keySet, token, identity: identityOf(rule, token), lines, size: token.text.length };
    this.#cache.set(token.text, verified);
    return verified;
  }
}

/** A mistake of a token says more than that it was another's, and that more than that there was none. */
const worseOf = (known: Refusal, next: Refusal): Refusal =>
  (next !== MISSING && next !== UNKNOWN_ISSUER) || known === MISSING ? next : known;

function identityOf(rule: Rule, { claims, issuer, subject, audiences }: ParsedToken): Identity {
  const presenter = Object.hasOwn(claims, 'azp') ? claims['azp'] : undefined;
  return {
    issuer,
    subject,
    audiences,
    presenter: typeof presenter === 'string' ? presenter : undefined,
    claims,
    spaceDelimitedClaims: rule.spaceDelimitedClaims,
  };
}
