/** Key sets as a RequestAuthentication has them inline (istio-semantics §10.6): their form, never their use. */
type Key = Readonly<Record<string, unknown>>;

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
  if (!Array.isArray(keys)) return 'has `keys`, but not as a list';
  for (const [index, key] of keys.entries()) {
    const mistake = isObject(key) ? keyMistake(key, `key ${index + 1}`) : `has key ${index + 1}, which is no object`;
    if (mistake !== undefined) return mistake;
  }
  return undefined;
}

/** What is accepted, and will not work, or should not be there. */
export function keySetWarnings(text: string): readonly string[] {
  const keys = keysOf(text);
  const hasPrivate = keys.some((key) => key['kty'] !== 'oct' && Object.hasOwn(key, 'd'));
  return [
    ...(keys.length === 0 ? ['has no key: every token is refused'] : []),
    ...(hasPrivate ? ['has a private key, which anybody who reads this file can sign with'] : []),
  ];
}

function keysOf(text: string): readonly Key[] {
  const parsed = parse(text);
  if (!isObject(parsed)) return [];
  return Array.isArray(parsed['keys']) ? parsed['keys'].filter(isObject) : [parsed];
}

function keyMistake(key: Key, name: string): string | undefined {
  const { kty } = key;
  if (typeof kty !== 'string' || !Object.hasOwn(NEEDED, kty))
    return `is no key set: ${name} has no kty of RSA, EC, OKP or oct`;
  const missing = NEEDED[kty]?.find((field) => typeof key[field] !== 'string' || key[field] === '');
  if (missing !== undefined) return `is no key set: ${name}, of type ${kty}, has no ${missing}`;
  const odd = NEEDED[kty]?.find((field) => field !== 'crv' && !/^[-\w+/]+=*$/.test(String(key[field])));
  return odd === undefined ? undefined : `is no key set: ${odd} of ${name} is not base64url`;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
