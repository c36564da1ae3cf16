import { describe, expect, it } from 'vitest';
import { wellFormed } from '../../../../plugins/external-authorization/well-formed.ts';

describe('UTF-8 for an authorizer', () => {
  it.each(['', 'plain\t~', 'é', 'ß€', '\ud7ff\ue000\uffff', '😀\u{10ffff}'])('keeps %j', (text) => {
    const bytes = Buffer.from(text).toString('latin1');
    expect(wellFormed(bytes)).toBe(bytes);
  });

  it.each([
    ['a letter of Latin-1', 'caf\xe9', 'caf!'],
    ['a lone later byte', '\x80a', '!a'],
    ['two bytes in place of one', '\xc0\xaf', '!!'],
    ['three in place of two', '\xe0\x80\xaf', '!!!'],
    ['half of a pair', '\xed\xa0\x80', '!!!'],
    ['a letter beyond the last', '\xf4\x90\x80\x80', '!!!!'],
    ['a cut letter', 'a\xe2\x82', 'a!!'],
    ['a cut letter before another', '\xf0\x9f\x98\xc3\xa9', '!!!\xc3\xa9'],
    ['a byte of no letter', '\xff', '!'],
  ])('has a mark for each byte of %s', (_title, bytes, expected) => {
    expect(wellFormed(bytes)).toBe(expected);
  });
});
