import { type JsonObject, parseStrictObject } from './strict-json.ts';

/** What is said of a token that is refused; Envoy's words, which people search for (istio-semantics §6.1). */
export type Refusal = string;

export const MISSING: Refusal = 'Jwt is missing';
export const UNKNOWN_ISSUER: Refusal = 'Jwt issuer is not configured';
export const AUDIENCE_NOT_ALLOWED: Refusal = 'Audiences in Jwt are not allowed';
export const VERIFICATION_FAILS: Refusal = 'Jwt verification fails';

export interface ParsedToken {
  readonly text: string;
  readonly algorithm: string;
  /** '': none. */
  readonly keyId: string;
  /** Base64url, as it was sent. */
  readonly payload: string;
  readonly claims: JsonObject;
  readonly issuer: string;
  readonly subject: string | undefined;
  readonly audiences: readonly string[];
  /** Whole seconds; 0: not limited. */
  readonly notBefore: number;
  readonly expiresAt: number;
  readonly signatureBytes: number;
}

export type Parsed =
  | { readonly ok: true; readonly token: ParsedToken }
  | { readonly ok: false; readonly refusal: Refusal };

const ALGORITHMS: ReadonlySet<string> = new Set(
  'RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 HS256 HS384 HS512 EdDSA'.split(' '),
);

class Refused extends Error {}

/** Everything about a token but its truth, in Envoy's order, so that the first mistake is the one that is told. */
export function parseToken(text: string): Parsed {
  try {
    return { ok: true, token: parse(text) };
  } catch (error) {
    if (error instanceof Refused) return { ok: false, refusal: error.message };
    throw error;
  }
}

function parse(text: string): ParsedToken {
  const [header = '', payload = '', signature = '', ...more] = text.split('.');
  if (header === '' || payload === '' || signature === '' || more.length > 0)
    throw new Refused('Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections');
  const { algorithm, keyId } = parseHeader(header);
  const claims = parseJson(payload, 'payload');
  const issuer = textClaim(claims, 'iss') ?? '';
  const subject = textClaim(claims, 'sub');
  secondsClaim(claims, 'iat');
  const notBefore = secondsClaim(claims, 'nbf');
  const expiresAt = secondsClaim(claims, 'exp');
  textClaim(claims, 'jti');
  const audiences = audiencesOf(claims);
  const signatureBytes = decode(signature, 'signature').length;
  return { text, algorithm, keyId, payload, claims, issuer, subject, audiences, notBefore, expiresAt, signatureBytes };
}

function parseHeader(encoded: string): Pick<ParsedToken, 'algorithm' | 'keyId'> {
  const header = parseJson(encoded, 'header');
  const algorithm = own(header, 'alg');
  if (typeof algorithm !== 'string') throw new Refused('Jwt header [alg] field is required and must be a string');
  if (!ALGORITHMS.has(algorithm)) throw new Refused('Jwt header [alg] is not supported');
  const keyId = Object.hasOwn(header, 'kid') ? header['kid'] : '';
  if (typeof keyId !== 'string') throw new Refused('Jwt header [kid] field is not a string');
  // RFC 7515 §4.1.11, RFC 7797 §6: what must be understood, and is not, refuses the token (edge-security J-07).
  if (own(header, 'crit') !== undefined) throw new Refused('Jwt header [crit] is not supported');
  if (Object.hasOwn(header, 'b64') && header['b64'] !== true) throw new Refused('Jwt header [b64] is not supported');
  // Only what is encrypted may be compressed (RFC 7516 §4.1.3); a signed token that says so is a trap (J-13.14).
  if (own(header, 'zip') !== undefined) throw new Refused('Jwt header [zip] is not supported');
  return { algorithm, keyId };
}

type Section = 'header' | 'payload' | 'signature';

const BASE64URL = /^[A-Za-z0-9_-]+$/;

/** RFC 7515 §2: no padding, no spaces, no idle bits, so that a token has one spelling (edge-security J-08). */
function decode(encoded: string, section: Section): Buffer {
  if (BASE64URL.test(encoded)) {
    const bytes = Buffer.from(encoded, 'base64url');
    if (bytes.toString('base64url') === encoded) return bytes;
  }
  throw new Refused(`Jwt ${section} is an invalid Base64url encoded`);
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function parseJson(encoded: string, section: Section): JsonObject {
  const bytes = decode(encoded, section);
  let parsed: JsonObject | undefined;
  try {
    parsed = parseStrictObject(utf8.decode(bytes));
  } catch {
    parsed = undefined;
  }
  if (parsed === undefined) throw new Refused(`Jwt ${section} is an invalid JSON`);
  return parsed;
}

/** Never what an object inherits (`__proto__`, `constructor`). */
const own = (object: JsonObject, name: string): unknown => (Object.hasOwn(object, name) ? object[name] : undefined);

function textClaim(claims: JsonObject, name: string): string | undefined {
  const value = own(claims, name);
  if (value !== undefined && typeof value !== 'string')
    throw new Refused(`Jwt payload [${name}] field is not a string`);
  return value;
}

/** NumericDate, cut to whole seconds; absent is 0. */
function secondsClaim(claims: JsonObject, name: string): number {
  const value = own(claims, name);
  if (value === undefined) return 0;
  if (typeof value !== 'number') throw new Refused(`Jwt payload [${name}] field is not an integer`);
  if (value < 0 || value >= 2 ** 64) throw new Refused(`Jwt payload [${name}] field is not a positive 64 bit integer`);
  return Math.trunc(value);
}

function audiencesOf(claims: JsonObject): readonly string[] {
  const value = own(claims, 'aud');
  if (value === undefined) return [];
  const list = Array.isArray(value) ? value : [value];
  if (!list.every((one) => typeof one === 'string'))
    throw new Refused('Jwt payload [aud] field is not a string or string list');
  return list;
}

/** Clocks may differ by so much. */
const SKEW_SECONDS = 60;

/** `nbf` before `exp`, so that a token that is both says the former (§6.1). */
export function timeRefusal({ notBefore, expiresAt }: ParsedToken, nowMs: number): Refusal | undefined {
  const now = Math.floor(nowMs / 1000);
  if (now + SKEW_SECONDS < notBefore) return 'Jwt not yet valid';
  return expiresAt !== 0 && now > expiresAt + SKEW_SECONDS ? 'Jwt is expired' : undefined;
}
