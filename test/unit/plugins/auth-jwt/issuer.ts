import { CompactSign, type CryptoKey, exportJWK, generateKeyPair, type JWK } from 'jose';
import type { JwtRuleSettings } from '../../../../plugins/auth-jwt/config.ts';
import { compileJwtRule } from '../../../../plugins/auth-jwt/config.ts';
import { systemClock } from '../../../../src/kernel/clock.ts';
import type { JWTRule } from '../../../../src/resources/kinds.ts';

/** Somebody who signs tokens: one key, made once per test file. */
export interface Issuer {
  readonly name: string;
  readonly jwk: JWK;
  readonly jwks: string;
  /** `claims` besides the issuer's name. */
  token(claims?: Readonly<Record<string, unknown>>, header?: Readonly<Record<string, unknown>>): Promise<string>;
  /** Whatever the payload says. */
  sign(payload: string, header?: Readonly<Record<string, unknown>>): Promise<string>;
}

export async function createIssuer(name: string, algorithm = 'ES256', kid = 'k1'): Promise<Issuer> {
  const { publicKey, privateKey } = await generateKeyPair(algorithm, { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), kid };
  const sign = signer(privateKey, { alg: algorithm, kid });
  return {
    name,
    jwk,
    jwks: JSON.stringify({ keys: [jwk] }),
    sign,
    token: (claims = {}, header) => sign(JSON.stringify({ iss: name, sub: 'customer-17', ...claims }), header),
  };
}

const signer =
  (key: CryptoKey, protectedHeader: { readonly alg: string; readonly kid: string }): Issuer['sign'] =>
  (payload, header = {}) => {
    const { crit: _, ...plain } = header;
    return new CompactSign(new TextEncoder().encode(payload))
      .setProtectedHeader({ ...protectedHeader, ...plain })
      .sign(key);
  };

/** Base64url of JSON, or of a text. */
export const encoded = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

/** A token that is well formed and signed by nobody. */
export const unsigned = (header: unknown, payload: unknown, signature = encoded('signature')): string =>
  `${encoded(header)}.${encoded(payload)}.${signature}`;

export const ruleOf = (issuer: Issuer, rule: Partial<JWTRule> = {}): JwtRuleSettings =>
  compileJwtRule({ issuer: issuer.name, jwks: issuer.jwks, ...rule });

export const secondsFromNow = (seconds: number): number => Math.floor(systemClock.nowMs() / 1000) + seconds;
