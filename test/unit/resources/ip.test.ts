import { describe, expect, test } from 'vitest';
import { parseCidr, parseIp } from '../../../src/resources/index.ts';

describe('addresses', () => {
  test.each([
    ['0.0.0.0', 4, 0n],
    ['127.0.0.1', 4, 0x7f000001n],
    ['255.255.255.255', 4, 0xffffffffn],
    ['::', 6, 0n],
    ['::1', 6, 1n],
    ['1::', 6, 1n << 112n],
    ['2001:db8::7', 6, (0x20010db8n << 96n) | 7n],
    ['1:2:3:4:5:6:7:8', 6, 0x00010002000300040005000600070008n],
    ['::ffff:10.0.0.1', 6, (0xffffn << 32n) | 0x0a000001n],
    ['FE80::a%eth0', 6, (0xfe80n << 112n) | 10n],
  ])('%s', (text, version, bits) => {
    expect(parseIp(text)).toMatchObject({ version, bits });
  });

  test.each([
    '',
    '1',
    '1.2.3',
    '1.2.3.4.5',
    '256.0.0.1',
    '01.2.3.4',
    '1.2.3.4 ',
    'a.b.c.d',
    ':',
    ':::',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1::2::3',
    '12345::',
    '::1%',
    '[::1]',
    '1:2:3:4:5:6:7:8::',
    '::1.2.3',
    '1.2.3.4::',
  ])('%j is none', (text) => {
    expect(parseIp(text)).toBeUndefined();
  });
});

describe('networks', () => {
  test.each([
    ['10.1.2.3/8', 4, 0x0a000000n, 8],
    ['10.0.0.1/32', 4, 0x0a000001n, 32],
    ['0.0.0.0/0', 4, 0n, 0],
    ['fd12::1/8', 6, 0xfdn << 120n, 8],
    ['::1/128', 6, 1n, 128],
  ])('%s', (text, version, network, prefix) => {
    expect(parseCidr(text)).toEqual({ version, network, prefix });
  });

  test.each([
    '10.0.0.0',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.0/08',
    '10.0.0.0/-1',
    '::/129',
    'fe80::1%eth0/64',
    '/8',
    '10.0.0.0/8/8',
  ])('%j is none', (text) => {
    expect(parseCidr(text)).toBeUndefined();
  });
});
