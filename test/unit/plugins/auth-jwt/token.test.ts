import { describe, expect, it } from 'vitest';
import { parseStrictObject } from '../../../../plugins/auth-jwt/strict-json.ts';
import { parseToken, timeRefusal } from '../../../../plugins/auth-jwt/token.ts';
import { encoded, unsigned } from './issuer.ts';

const header = { alg: 'RS256' };
const refusal = (text: string): string | undefined => {
  const parsed = parseToken(text);
  return parsed.ok ? undefined : parsed.refusal;
};

const FORM = 'Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections';

describe('the form of a token', () => {
  it.each([
    ['', FORM],
    ['abc', FORM],
    ['a.b', FORM],
    ['a.b.c.d', FORM],
    ['a.b.c.d.e', FORM],
    ['..', FORM],
    [`${encoded(header)}.${encoded({})}.`, FORM],
    [`.${encoded(header)}.${encoded({})}`, FORM],
    [`${encoded(header)}.${encoded({})}.${encoded('s')}.`, FORM],
    ['%%.e30.c2ln', 'Jwt header is an invalid Base64url encoded'],
    ['a.e30.c2ln', 'Jwt header is an invalid Base64url encoded'],
    [unsigned('alg=RS256', {}), 'Jwt header is an invalid JSON'],
    [unsigned('[1]', {}), 'Jwt header is an invalid JSON'],
    [unsigned({}, {}), 'Jwt header [alg] field is required and must be a string'],
    [unsigned({ alg: 7 }, {}), 'Jwt header [alg] field is required and must be a string'],
    [unsigned({ alg: ['RS256'] }, {}), 'Jwt header [alg] field is required and must be a string'],
    [unsigned('{"__proto__":{"alg":"RS256"}}', {}), 'Jwt header [alg] field is required and must be a string'],
    [unsigned({ alg: 'none' }, {}), 'Jwt header [alg] is not supported'],
    [unsigned({ alg: 'nOnE' }, {}), 'Jwt header [alg] is not supported'],
    [unsigned({ alg: 'rs256' }, {}), 'Jwt header [alg] is not supported'],
    [unsigned({ alg: 'ES256K' }, {}), 'Jwt header [alg] is not supported'],
    [unsigned({ alg: 'PBES2-HS256+A128KW', p2c: 1e9 }, {}), 'Jwt header [alg] is not supported'],
    [unsigned({ ...header, kid: 7 }, {}), 'Jwt header [kid] field is not a string'],
    [unsigned({ ...header, kid: null }, {}), 'Jwt header [kid] field is not a string'],
    [unsigned({ ...header, zip: 'DEF' }, {}), 'Jwt header [zip] is not supported'],
    [unsigned({ ...header, b64: null }, {}), 'Jwt header [b64] is not supported'],
    [unsigned({ ...header, crit: ['b64'], b64: false }, {}), 'Jwt header [crit] is not supported'],
    [unsigned({ ...header, crit: ['exp'] }, {}), 'Jwt header [crit] is not supported'],
    [unsigned({ ...header, b64: false }, {}), 'Jwt header [b64] is not supported'],
    [`${encoded(header)}.%%.c2ln`, 'Jwt payload is an invalid Base64url encoded'],
    [unsigned(header, 'sub=1'), 'Jwt payload is an invalid JSON'],
    [unsigned(header, '[]'), 'Jwt payload is an invalid JSON'],
    [unsigned(header, '{"sub":"a","sub":"b"}'), 'Jwt payload is an invalid JSON'],
    [unsigned(header, '{"sub":"a","s\\u0075b":"b"}'), 'Jwt payload is an invalid JSON'],
    [unsigned('{"alg":"none","alg":"RS256"}', {}), 'Jwt header is an invalid JSON'],
    [
      `${encoded(header)}.${Buffer.from('{"a":"\xff"}', 'latin1').toString('base64url')}.c2ln`,
      'Jwt payload is an invalid JSON',
    ],
    [unsigned(header, { iss: 7 }), 'Jwt payload [iss] field is not a string'],
    [unsigned(header, { sub: null }), 'Jwt payload [sub] field is not a string'],
    [unsigned(header, { jti: {} }), 'Jwt payload [jti] field is not a string'],
    [unsigned(header, { exp: '7' }), 'Jwt payload [exp] field is not an integer'],
    [unsigned(header, { exp: null }), 'Jwt payload [exp] field is not an integer'],
    [unsigned(header, { nbf: true }), 'Jwt payload [nbf] field is not an integer'],
    [unsigned(header, { iat: -1 }), 'Jwt payload [iat] field is not a positive 64 bit integer'],
    [unsigned(header, '{"exp":1e308}'), 'Jwt payload [exp] field is not a positive 64 bit integer'],
    [unsigned(header, '{"exp":1e999}'), 'Jwt payload [exp] field is not a positive 64 bit integer'],
    [unsigned(header, { aud: 7 }), 'Jwt payload [aud] field is not a string or string list'],
    [unsigned(header, { aud: ['a', 7] }), 'Jwt payload [aud] field is not a string or string list'],
    [unsigned(header, { aud: [['a']] }), 'Jwt payload [aud] field is not a string or string list'],
    [unsigned(header, {}, 'a+b/'), 'Jwt signature is an invalid Base64url encoded'],
    [unsigned(header, {}, 'YQ=='), 'Jwt signature is an invalid Base64url encoded'],
    [unsigned(header, {}, 'YR'), 'Jwt signature is an invalid Base64url encoded'],
    [unsigned(header, {}, 'Y Q'), 'Jwt signature is an invalid Base64url encoded'],
    [unsigned(header, {}, 'YQ\n'), 'Jwt signature is an invalid Base64url encoded'],
  ])('%s: %s', (text, expected) => expect(refusal(text)).toBe(expected));

  it.each([
    [{}],
    [{ exp: 0 }],
    [{ exp: 4102444800.5 }],
    [{ aud: [] }],
    [{ aud: 'a' }],
    [{ nested: { sub: 'a' }, sub: 'b' }],
  ])('takes %j', (payload) => expect(refusal(unsigned(header, payload))).toBeUndefined());

  it('refuses what is nested very deep in little time, and a megabyte of nonsense as well', () => {
    expect(refusal(unsigned(header, `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`))).toBe(
      'Jwt payload is an invalid JSON',
    );
    expect(refusal('a'.repeat(2 ** 20))).toBe(FORM);
  });
});

describe('the time of a token', () => {
  const now = 1_800_000_000;
  const at = (claims: object) => {
    const parsed = parseToken(unsigned(header, claims));
    return parsed.ok ? timeRefusal(parsed.token, now * 1000 + 999) : parsed.refusal;
  };

  it.each([
    [{}, undefined],
    [{ exp: 0 }, undefined],
    [{ exp: now - 60 }, undefined],
    [{ exp: now - 61 }, 'Jwt is expired'],
    [{ exp: now - 60.9 }, 'Jwt is expired'],
    [{ nbf: now + 60 }, undefined],
    [{ nbf: now + 61 }, 'Jwt not yet valid'],
    [{ nbf: now + 61, exp: now - 61 }, 'Jwt not yet valid'],
  ])('%j: %s', (claims, expected) => expect(at(claims)).toBe(expected));
});

describe('strict JSON', () => {
  it.each([
    ['{"a":{"b":1,"b":2}}'],
    ['{"a":[{"b":1,"b":2}]}'],
    ['{"a":1,"b":{},"a":2}'],
    ['{"":1,"":2}'],
    ['null'],
    ['"x"'],
    ['{"a":1}x'],
    ["{'a':1}"],
  ])('refuses %s', (text) => expect(parseStrictObject(text)).toBeUndefined());

  it.each([
    ['{"a":{"b":1},"b":2}'],
    ['{"a":"a","b":"\\"a\\":"}'],
    ['{"a":["a","a"],"b":[{"a":1},{"a":2}]}'],
    [' { "a" : "," , "b" : "{" } '],
  ])('takes %s', (text) => expect(parseStrictObject(text)).toEqual(JSON.parse(text)));
});
