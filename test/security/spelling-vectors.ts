import { encoded, signedToken } from './jws.ts';
import { CLAIMS, p521, rsa, type Vector } from './vector-keys.ts';

/** The same signature under headers that mean something else, or nothing. */
export function headers(): readonly Vector[] {
  const bad: Readonly<Record<string, string>> = {
    'alg in lower case': '{"alg":"rs256"}',
    'alg with a blank': '{"alg":"RS256 "}',
    'alg with NUL': '{"alg":"RS256\\u0000"}',
    'alg of full width': '{"alg":"\uff32S256"}',
    'a name in another case': '{"Alg":"RS256"}',
    'two algorithms': '{"alg":"RS256,HS256"}',
    'an object’s own prototype': '{"__proto__":{"alg":"RS256"}}',
    'a list': '["RS256"]',
    'a text': '"RS256"',
    null: 'null',
    nothing: ' ',
    'something behind': '{"alg":"RS256"}x',
    'two objects': '{"alg":"RS256"}{"alg":"none"}',
    'a comment': '{"alg":"RS256"/**/}',
    'a comma too many': '{"alg":"RS256",}',
    'single quotes': "{'alg':'RS256'}",
    'a byte order mark': '\ufeff{"alg":"RS256"}',
    'alg twice': '{"alg":"RS256","alg":"RS256"}',
    'crit a text': '{"alg":"RS256","crit":"exp"}',
    'crit null': '{"alg":"RS256","crit":null}',
    'crit of alg': '{"alg":"RS256","crit":["alg"]}',
    'b64 a text': '{"alg":"RS256","b64":"true"}',
    'b64 null': '{"alg":"RS256","b64":null}',
    'zip null': '{"alg":"RS256","zip":null}',
    'kid an object': '{"alg":"RS256","kid":{}}',
    'kid false': '{"alg":"RS256","kid":false}',
    'kid unknown': '{"alg":"RS256","kid":"unknown"}',
    'kid in another case': '{"alg":"RS256","kid":"RSA"}',
    'kid with a blank': '{"alg":"RS256","kid":"rsa "}',
    'kid of another key': '{"alg":"RS256","kid":"p256"}',
  };
  const good: Readonly<Record<string, string>> = {
    blanks: ' {\t"alg" : "RS256"\r\n} ',
    escapes: '{"\\u0061lg":"R\\u0053256"}',
    'names nobody knows': '{"alg":"RS256","x":{"alg":"none"},"typ":"at+jwt","cty":"x"}',
    'its kid': '{"alg":"RS256","kid":"rsa"}',
    'an empty kid': '{"alg":"RS256","kid":""}',
    'b64 true': '{"alg":"RS256","b64":true}',
  };
  const made =
    (ok: boolean) =>
    ([name, header]: readonly [string, string]): Vector => ({
      name: `header: ${name}`,
      token: signedToken('RS256', rsa.privateKey, CLAIMS, header),
      good: ok,
    });
  return [...Object.entries(bad).map(made(false)), ...Object.entries(good).map(made(true))];
}

export function spellings(): readonly Vector[] {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  // Payloads of lengths that leave two, four and no idle bits.
  return ['a', 'ab', 'abc'].flatMap((sub) => {
    const token = signedToken('ES512', p521.privateKey, { ...CLAIMS, sub });
    const parts = token.split('.');
    const rewritten = (part: number, text: string): string =>
      parts.map((old, i) => (i === part ? text : old)).join('.');
    const idle = parts.flatMap((text, part) => {
      const idleBits = [0, 0, 4, 2][text.length % 4] as number;
      const last = letters.indexOf(text.at(-1) as string);
      return Array.from({ length: 2 ** idleBits - 1 }, (_, i) => ({
        name: `idle bits ${i + 1} in part ${part} of ${sub}`,
        token: rewritten(part, `${text.slice(0, -1)}${letters[last + i + 1]}`),
        good: false,
      }));
    });
    const others = parts.flatMap((text, part) =>
      Object.entries({
        padding: text.padEnd(Math.ceil(text.length / 4) * 4 + (text.length % 4 === 0 ? 4 : 0), '='),
        'other alphabet': text.replaceAll('-', '+').replaceAll('_', '/'),
        blank: `${text.slice(0, 2)} ${text.slice(2)}`,
        'twice encoded': encoded(text),
        'in lower case': text.toLowerCase(),
      }).map(([name, changedText]) => ({
        name: `${name} in part ${part} of ${sub}`,
        token: rewritten(part, changedText),
        good: changedText === text,
      })),
    );
    return [{ name: `as it is: ${sub}`, token, good: true }, ...idle, ...others];
  });
}
