/** Parameters that carry credentials, however their names are written (edge-security G-02). */
const SECRET_NAMES: ReadonlySet<string> = new Set(
  [
    'access_token refresh_token id_token token auth_token authorization bearer jwt assertion client_assertion',
    'api_key apikey key client_secret secret password passwd pwd code state_token session sessionid jsessionid phpsessid',
    'sig signature x-amz-signature x-amz-security-token x-goog-signature',
  ].flatMap((line) => line.split(' ')),
);

const REDACTED = '[redacted]';
/** A JSON web token under whatever name, encrypted ones of five parts too: policies may take one from any parameter. */
const TOKEN = /eyJ[\w-]*(?:(?:\.|%2[eE])[\w-]*){2,4}/g;
/** `{"`, in base64. */
const TOKEN_BEGINS = 'eyJ';
/** Of an absolute target, or of an authority: a browser's habit of old, refused, and logged all the same. */
const USER_OF_TARGET = /^([a-z][a-z\d+.-]*:\/\/)[^/?#]*@/i;
const USER_OF_AUTHORITY = /^.*@/s;

/** What no log or trace may show of a request: values that would let a reader act for the caller. */
export const redactTokens = (text: string): string =>
  text.includes(TOKEN_BEGINS) ? text.replaceAll(TOKEN, REDACTED) : text;

export const redactAuthority = (authority: string): string =>
  authority.includes('@') ? authority.replace(USER_OF_AUTHORITY, `${REDACTED}@`) : authority;

/** Path parameters (`/cart;jsessionid=…`) included. */
export function redactTarget(target: string): string {
  const mark = target.indexOf('?');
  const path = redactPath(target.slice(0, mark < 0 ? undefined : mark));
  if (mark < 0) return path;
  // Some split at semicolons; what stands behind '#' is no part of a target, and yet it may be sent.
  const query = target.slice(mark + 1);
  const pairs = /[;#]/.test(query)
    ? query
        .split(/([&;#])/)
        .map(redactPair)
        .join('')
    : query.split('&').map(redactPair).join('&');
  return redactTokens(`${path}?${pairs}`);
}

function redactPath(path: string): string {
  const withoutUser = path.includes('@') ? path.replace(USER_OF_TARGET, `$1${REDACTED}@`) : path;
  const parameters = /[;#]/.test(withoutUser)
    ? withoutUser
        .split(/([;/#])/)
        .map((part, i, all) => (all[i - 1] === ';' || all[i - 1] === '#' ? redactPair(part) : part))
        .join('')
    : withoutUser;
  return redactTokens(parameters);
}

function redactPair(pair: string): string {
  const equals = pair.indexOf('=');
  if (equals < 0) return pair;
  const [name, value] = [pair.slice(0, equals), pair.slice(equals + 1)];
  const secret = SECRET_NAMES.has(decoded(name).trim().toLowerCase());
  return secret || (value.includes('%') && isToken(decoded(value))) ? `${name}=${REDACTED}` : pair;
}

const isToken = (text: string): boolean => redactTokens(text) !== text;

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
}
