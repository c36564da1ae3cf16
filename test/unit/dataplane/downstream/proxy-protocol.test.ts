import { describe, expect, test } from 'vitest';
import { type ProxyHeader, readProxyHeader } from '../../../../src/dataplane/downstream/proxy-protocol.ts';
import { binaryHeader, CALLER, type Ends, extension, textHeader } from '../../../support/proxy-header.ts';

const read = (bytes: string | Buffer): ProxyHeader =>
  readProxyHeader(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
const NEXT = 'GET / HTTP/1.1\r\n\r\n';
const followed = (header: Buffer): Buffer => Buffer.concat([header, Buffer.from(NEXT)]);

const CALLER_V6: Ends = {
  sourceAddress: '2001:db8::7',
  sourcePort: 1,
  destinationAddress: '2001:db8::1',
  destinationPort: 65_535,
};

describe('a line of version 1', () => {
  test.each<[string, string, Ends | undefined]>([
    ['of IPv4', textHeader(), CALLER],
    ['of IPv6', textHeader(CALLER_V6), CALLER_V6],
    ['of IPv6, spelt out and in capitals', 'PROXY TCP6 2001:0DB8:0:0:0:0:0:7 2001:db8:0::1 1 65535\r\n', CALLER_V6],
    [
      'of IPv4 as IPv6 has it: an address has one spelling',
      'PROXY TCP6 ::ffff:192.0.2.7 ::ffff:c633:6401 40000 443\r\n',
      CALLER,
    ],
    [
      'with ports of zero',
      'PROXY TCP4 192.0.2.7 198.51.100.1 0 0\r\n',
      { ...CALLER, sourcePort: 0, destinationPort: 0 },
    ],
    ['of nobody known', 'PROXY UNKNOWN\r\n', undefined],
    ['of nobody known, with something behind it', 'PROXY UNKNOWN 1.2.3.4 :: what \n ever\r\n', undefined],
    ['as long as it may be', `PROXY UNKNOWN ${'f'.repeat(91)}\r\n`, undefined],
  ])('%s', (_name, line, ends) => {
    expect(read(line + NEXT)).toEqual({ kind: 'header', length: line.length, ends });
    for (let cut = 1; cut < line.length; cut++) expect(read(line.slice(0, cut))).toEqual({ kind: 'incomplete' });
  });

  test.each([
    ['another transport', 'PROXY UDP4 192.0.2.7 198.51.100.1 1 2\r\n'],
    ['a transport in small letters', 'PROXY tcp4 192.0.2.7 198.51.100.1 1 2\r\n'],
    ['no transport', 'PROXY \r\n'],
    ['a longer word than UNKNOWN', 'PROXY UNKNOWNS\r\n'],
    ['addresses of the other family', 'PROXY TCP4 2001:db8::7 2001:db8::1 1 2\r\n'],
    ['an address of the other family', 'PROXY TCP6 2001:db8::7 198.51.100.1 1 2\r\n'],
    ['no address', 'PROXY TCP4 shop.example.com 198.51.100.1 1 2\r\n'],
    ['a zero at the front of an address', 'PROXY TCP4 192.0.02.7 198.51.100.1 1 2\r\n'],
    ['an address of three numbers', 'PROXY TCP4 192.0.7 198.51.100.1 1 2\r\n'],
    ['a zone', 'PROXY TCP6 fe80::1%eth0 2001:db8::1 1 2\r\n'],
    ['brackets', 'PROXY TCP6 [2001:db8::7] 2001:db8::1 1 2\r\n'],
    ['the unspecified address', 'PROXY TCP4 0.0.0.0 198.51.100.1 1 2\r\n'],
    ['the unspecified address of IPv6', 'PROXY TCP6 2001:db8::7 :: 1 2\r\n'],
    ['a group', 'PROXY TCP4 192.0.2.7 239.1.2.3 1 2\r\n'],
    ['a group of IPv6', 'PROXY TCP6 ff02::1 2001:db8::1 1 2\r\n'],
    ['everybody', 'PROXY TCP4 255.255.255.255 198.51.100.1 1 2\r\n'],
    ['a group in the other spelling', 'PROXY TCP6 ::ffff:224.0.0.1 2001:db8::1 1 2\r\n'],
    ['no ports', 'PROXY TCP4 192.0.2.7 198.51.100.1\r\n'],
    ['a port too many', 'PROXY TCP4 192.0.2.7 198.51.100.1 1 2 3\r\n'],
    ['a port too large', 'PROXY TCP4 192.0.2.7 198.51.100.1 65536 2\r\n'],
    ['a port of many digits', 'PROXY TCP4 192.0.2.7 198.51.100.1 1 18446744073709551618\r\n'],
    ['a zero at the front of a port', 'PROXY TCP4 192.0.2.7 198.51.100.1 01 2\r\n'],
    ['a sign', 'PROXY TCP4 192.0.2.7 198.51.100.1 +1 2\r\n'],
    ['a negative port', 'PROXY TCP4 192.0.2.7 198.51.100.1 1 -2\r\n'],
    ['two spaces', 'PROXY TCP4  192.0.2.7 198.51.100.1 1 2\r\n'],
    ['a tab', 'PROXY TCP4\t192.0.2.7 198.51.100.1 1 2\r\n'],
    ['a space at the end', 'PROXY TCP4 192.0.2.7 198.51.100.1 1 2 \r\n'],
    ['a bare LF', `PROXY TCP4 192.0.2.7 198.51.100.1 1 2\n${NEXT}`],
    ['a bare CR', `PROXY TCP4 192.0.2.7 198.51.100.1 1 2\r${NEXT}`],
    ['a NUL', 'PROXY TCP4 192.0.2.7\0 198.51.100.1 1 2\r\n'],
    ['a line too long', `PROXY UNKNOWN ${'f'.repeat(92)}\r\n`],
    ['a line without end', `PROXY UNKNOWN ${'f'.repeat(93)}`],
    ['small letters', 'proxy TCP4 192.0.2.7 198.51.100.1 1 2\r\n'],
    ['something else', NEXT],
    ['a hello of TLS', '\x16\x03\x01'],
    ['an empty line first', '\r\nPROXY'],
    ['its first word with something else behind it', 'PROXYING'],
  ])('is none with %s', (_name, line) => {
    expect(read(line)).toEqual({ kind: 'invalid' });
  });

  test.each([['PROXX'], ['P '], ['G'], ['\r\n\r\n\0\r\nQUIX'], ['\0']])(
    'is told from %j at the first byte that differs',
    (bytes) => {
      expect(read(bytes)).toEqual({ kind: 'invalid' });
      expect(bytes.length === 1 || read(bytes.slice(0, -1)).kind === 'incomplete').toBe(true);
    },
  );
});

describe('a header of version 2', () => {
  test.each<[string, Buffer, Ends | undefined]>([
    ['of IPv4', binaryHeader(), CALLER],
    ['of IPv6', binaryHeader({ ends: CALLER_V6 }), CALLER_V6],
    ['of UDP, as Envoy takes it too', binaryHeader({ transport: 2 }), CALLER],
    [
      'of IPv4 as IPv6 has it',
      binaryHeader({ ends: { ...CALLER, sourceAddress: '::ffff:c000:207', destinationAddress: '::ffff:c633:6401' } }),
      CALLER,
    ],
    [
      'with extensions',
      binaryHeader({
        extensions: [...extension(0x03, [1, 2, 3, 4]), ...extension(0xea, [1, ...Buffer.from('vpce-0')])],
      }),
      CALLER,
    ],
    ['with an empty extension at the end', binaryHeader({ extensions: extension(0x04, []) }), CALLER],
    [
      'as long as it may be',
      binaryHeader({ extensions: extension(0x04, Array<number>(65_535 - 12 - 3).fill(7)) }),
      CALLER,
    ],
    ['of the load balancer itself', binaryHeader({ command: 0, ends: undefined }), undefined],
    ['of the load balancer itself, addresses and all', binaryHeader({ command: 0 }), undefined],
    ['of the load balancer itself, of UNIX', binaryHeader({ command: 0, family: 3, ends: undefined }), undefined],
    [
      'of the load balancer itself, with what are no extensions',
      binaryHeader({ command: 0, ends: undefined, extensions: [1, 255, 255] }),
      undefined,
    ],
  ])('%s', (_name, bytes, ends) => {
    expect(read(followed(bytes))).toEqual({ kind: 'header', length: bytes.length, ends });
    for (let cut = 1; cut < bytes.length; cut += bytes.length > 200 ? 97 : 1)
      expect(read(bytes.subarray(0, cut))).toEqual({ kind: 'incomplete' });
  });

  test.each([
    ['another version', binaryHeader({ version: 1 })],
    ['version 3', binaryHeader({ version: 3 })],
    ['another command', binaryHeader({ command: 2 })],
    ['no family', binaryHeader({ family: 0 })],
    ['no transport', binaryHeader({ transport: 0 })],
    ['another transport', binaryHeader({ transport: 3 })],
    ['sockets of UNIX', binaryHeader({ family: 3, ends: undefined, extensions: Array<number>(216).fill(0) })],
    ['another family', binaryHeader({ family: 4 })],
    ['no room for its addresses', binaryHeader({ length: 11 })],
    ['no room for its addresses of IPv6', binaryHeader({ family: 2, length: 35 })],
    ['the unspecified address', binaryHeader({ ends: { ...CALLER, sourceAddress: '0.0.0.0' } })],
    ['a group', binaryHeader({ ends: { ...CALLER, destinationAddress: '224.0.0.1' } })],
    ['a group of IPv6', binaryHeader({ ends: { ...CALLER_V6, sourceAddress: 'ff02::1' } })],
    ['half an extension', binaryHeader({ extensions: [0x04] })],
    ['an extension without its length', binaryHeader({ extensions: [0x04, 0] })],
    ['an extension beyond its end', binaryHeader({ extensions: [0x04, 0, 2, 7] })],
    ['an extension that begins well before one that does not', binaryHeader({ extensions: [...extension(4, [1]), 9] })],
  ])('is none with %s', (_name, bytes) => {
    expect(read(followed(bytes))).toEqual({ kind: 'invalid' });
  });
});
