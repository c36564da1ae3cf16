import { describe, expect, it } from 'vitest';
import { addressBlocks } from '../../../src/contract/index.ts';

describe('blocks of addresses', () => {
  const inside = addressBlocks(['192.0.2.0/24', '198.51.100.7', '2001:db8::/32', '::ffff:203.0.113.0/120']);

  it.each([
    ['192.0.2.255', true],
    ['192.0.3.0', false],
    ['198.51.100.7', true],
    ['198.51.100.8', false],
    ['2001:db8:ffff::1', true],
    ['2001:DB8::1', true],
    ['2001:db9::1', false],
    // Of the other family, whatever it is mapped to.
    ['203.0.113.5', false],
    ['192.0.2', false],
    ['', false],
    ['somebody', false],
  ])('says of %s: %s, and the same when asked again', (address, expected) => {
    expect([inside(address), inside(address)]).toEqual([expected, expected]);
  });

  it('has nobody in it when it is empty', () => {
    expect(addressBlocks([])('192.0.2.1')).toBe(false);
  });

  it('goes on telling right after more addresses than it keeps answers for', () => {
    for (let i = 0; i < 3_000; i++) {
      const rest = `${(i >> 8) & 255}.${i & 255}`;
      expect(inside(`10.0.${rest}`)).toBe(false);
    }
    expect(inside('192.0.2.1')).toBe(true);
  });
});
