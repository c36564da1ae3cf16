/** Query parameters that carry credentials, however their names are written (edge-security G-02). */
const SECRET_NAMES: ReadonlySet<string> = new Set(
  [
    'access_token refresh_token id_token token auth_token authorization bearer jwt assertion client_assertion',
    'api_key apikey key client_secret secret password passwd pwd code state_token session sessionid',
    'sig signature x-amz-signature x-amz-security-token x-goog-signature',
  ].flatMap((line) => line.split(' ')),
);

const REDACTED = '[redacted]';
/** A JSON web token under whatever name: policies may take one from any parameter. */
const TOKEN = /eyJ[\w-]*(?:\.|%2e)[\w-]+(?:\.|%2e)[\w-]*/gi;

/** A request target without the values that would let a reader of the log act for the caller. */
export function redact(target: string): string {
  const mark = target.indexOf('?');
  const path = target.slice(0, mark < 0 ? undefined : mark).replaceAll(TOKEN, REDACTED);
  if (mark < 0) return path;
  const pairs = target
    .slice(mark + 1)
    .split('&')
    .map(redactPair);
  return `${path}?${pairs.join('&')}`.replaceAll(TOKEN, REDACTED);
}

function redactPair(pair: string): string {
  const equals = pair.indexOf('=');
  if (equals < 0) return pair;
  return SECRET_NAMES.has(decoded(pair.slice(0, equals))) ? `${pair.slice(0, equals)}=${REDACTED}` : pair;
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name.replaceAll('+', ' ')).trim().toLowerCase();
  } catch {
    return name.toLowerCase();
  }
}
