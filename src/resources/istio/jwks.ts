import type { DiagnosticCode } from '../../diagnostics/index.ts';
import { inQuotes } from '../describe.ts';
import { type Key, MOST_KEYS, whyExposed, whyUseless } from './jwk-strength.ts';

/** Key sets as a RequestAuthentication has them inline (istio-semantics §10.6). */
interface KeyWarning {
  readonly code: DiagnosticCode;
  /** A whole sentence. */
  readonly message: string;
}

const isObject = (value: unknown): value is Key => typeof value === 'object' && value !== null && !Array.isArray(value);

/** What each type of key cannot do without. */
const NEEDED: Readonly<Record<string, readonly string[]>> = {
  RSA: ['n', 'e'],
  EC: ['crv', 'x', 'y'],
  OKP: ['crv', 'x'],
  oct: ['k'],
};

/** What keeps a text from being a key set, or a single key; undefined: nothing. An empty set is one. */
export function keySetMistake(text: string): string | undefined {
  const parsed = parse(text);
  if (parsed === undefined) return 'is no JSON';
  if (!isObject(parsed)) return 'is no JSON object';
  if (!Object.hasOwn(parsed, 'keys')) return keyMistake(parsed, 'it');
  const { keys } = parsed;
  // As Go reads a list.
  if (keys === null) return undefined;
  if (!Array.isArray(keys)) return 'has `keys`, but not as a list';
  for (const [index, key] of keys.entries()) {
    const mistake = isObject(key) ? keyMistake(key, `key ${index + 1}`) : `has key ${index + 1}, which is no object`;
    if (mistake !== undefined) return mistake;
  }
  return undefined;
}

/** What is accepted, and will not work, or should not be there. */
export function keySetWarnings(text: string): readonly KeyWarning[] {
  const keys = keysOf(text);
  if (keys.length === 0) return [{ code: 'unusable-key', message: 'jwks has no key: every token is refused.' }];
  if (keys.length > MOST_KEYS) {
    const message = `jwks has ${keys.length} keys, and more than ${MOST_KEYS} are not taken: every token is refused.`;
    return [{ code: 'unusable-key', message }];
  }
  return keys.flatMap((key, index) => warningsOf(key, nameOf(key, index)));
}

function warningsOf(key: Key, name: string): readonly KeyWarning[] {
  const useless = whyUseless(key);
  const exposed = whyExposed(key);
  return [
    ...(useless === undefined ? [] : [{ code: 'unusable-key', message: `${name} ${useless}.` } as const]),
    ...(exposed === undefined ? [] : [{ code: 'exposed-key', message: `${name} ${exposed}.` } as const]),
  ];
}

const nameOf = ({ kid }: Key, index: number): string =>
  `Key ${index + 1}${typeof kid === 'string' && kid !== '' ? ` (kid ${inQuotes(kid)})` : ''} of jwks`;

function keysOf(text: string): readonly Key[] {
  const parsed = parse(text);
  if (!isObject(parsed)) return [];
  if (!Object.hasOwn(parsed, 'keys')) return [parsed];
  return Array.isArray(parsed['keys']) ? parsed['keys'].filter(isObject) : [];
}

function keyMistake(key: Key, name: string): string | undefined {
  const { kty } = key;
  if (typeof kty !== 'string' || !Object.hasOwn(NEEDED, kty))
    return `is no key set: ${name} has no kty of RSA, EC, OKP or oct`;
  const missing = NEEDED[kty]?.find((field) => typeof key[field] !== 'string' || key[field] === '');
  if (missing !== undefined) return `is no key set: ${name}, of type ${kty}, has no ${missing}`;
  const bytes = [...(NEEDED[kty] ?? []).filter((field) => field !== 'crv'), ...('d' in key ? ['d'] : [])];
  const odd = bytes.find((field) => !isBase64(key[field]));
  if (odd !== undefined) return `is no key set: ${odd} of ${name} is not base64url`;
  const wrong = TEXTS.find((field) => Object.hasOwn(key, field) && typeof key[field] !== 'string');
  return wrong === undefined ? undefined : `is no key set: ${wrong} of ${name} is no text`;
}

/** What any key may have besides, as text (RFC 7517 §4). */
const TEXTS: readonly string[] = ['use', 'alg', 'kid', 'x5u', 'x5t', 'x5t#S256'];

/** Of either alphabet, with or without padding, as the decoder of Istio's admission guesses it. */
function isBase64(value: unknown): boolean {
  if (typeof value !== 'string' || !/^(?:[-\w]+|[A-Za-z0-9+/]+)={0,2}$/.test(value)) return false;
  const rest = value.length % 4;
  return value.endsWith('=') ? rest === 0 : rest !== 1;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
