import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ProxyHeader, readProxyHeader } from '../../src/dataplane/downstream/proxy-protocol.ts';
import { binaryHeader, CALLER, extension, textHeader } from '../support/proxy-header.ts';

/* Whatever comes, the header's reader says one thing of it, soon, and the same however it is cut. */

const MAX_BYTES = 16 + 65_535;

const address = fc.oneof(
  fc.ipV4(),
  fc.ipV6(),
  fc.constantFrom('0.0.0.0', '::', '::ffff:1.2.3.4', '255.255.255.255', 'ff02::1', '1.2.3', '01.2.3.4', 'x', ''),
);
const port = fc.oneof(fc.nat(70_000).map(String), fc.constantFrom('', '-1', '01', '1e3', '0x1', ' 1', '65536'));
const line = fc
  .tuple(
    fc.constantFrom('PROXY', 'PROXY ', 'proxy', 'PROX'),
    fc.constantFrom('TCP4', 'TCP6', 'UNKNOWN', 'UNKNOWN ', 'TCP', ''),
    address,
    address,
    port,
    port,
    fc.constantFrom('\r\n', '\n', '\r', ' \r\n', '', '\r\n\r\n'),
  )
  .map((parts) => `${parts.slice(0, 6).join(' ')}${parts[6]}`);

const binary = fc
  .record({
    version: fc.constantFrom(2, 2, 2, 1, 3),
    command: fc.constantFrom(1, 1, 0, 2, 15),
    family: fc.constantFrom(1, 2, 0, 3, 15),
    transport: fc.constantFrom(1, 2, 0, 15),
    ends: fc.constantFrom(CALLER, { ...CALLER, sourceAddress: '2001:db8::1', destinationAddress: '::1' }, undefined),
    extensions: fc.oneof(
      fc.array(fc.nat(255), { maxLength: 12 }),
      fc.array(fc.nat(255), { maxLength: 12 }).map((value) => extension(4, value)),
    ),
    length: fc.option(fc.nat(65_535), { nil: undefined }),
  })
  .map(({ length, ...parts }) => binaryHeader(length === undefined ? parts : { ...parts, length }));

const hostile = fc.tuple(
  fc.oneof(
    line.map((text) => Buffer.from(text, 'latin1')),
    binary,
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  ),
  fc.uint8Array({ maxLength: 60 }),
);

/** As a connection reads it: what its beginning comes to, and after how many bytes. */
function readInPieces(bytes: Buffer): { readonly header: ProxyHeader; readonly after: number } {
  for (let after = 1; after < bytes.length; after++) {
    const header = readProxyHeader(bytes.subarray(0, after));
    if (header.kind !== 'incomplete') return { header, after };
  }
  return { header: readProxyHeader(bytes), after: bytes.length };
}

describe('hostile bytes before a connection', () => {
  it('are read alike at once and one by one, and a header takes no byte that is not its own', () => {
    fc.assert(
      fc.property(hostile, ([beginning, rest]) => {
        const bytes = Buffer.concat([beginning, rest]);
        if (bytes.length === 0) return;
        const whole = readProxyHeader(bytes);
        const { header, after } = readInPieces(bytes);
        expect(header).toEqual(whole);
        if (whole.kind !== 'header') return;
        expect(whole.length).toBe(after);
        expect(whole.length).toBeLessThanOrEqual(MAX_BYTES);
        // What follows has no say.
        expect(readProxyHeader(bytes.subarray(0, whole.length))).toEqual(whole);
      }),
      { numRuns: 2_000 },
    );
  });

  it('are judged by the bound at the latest', () => {
    fc.assert(
      fc.property(hostile, fc.nat(255), ([beginning], filler) => {
        const bytes = Buffer.concat([beginning, Buffer.alloc(MAX_BYTES, filler)]);
        expect(readProxyHeader(bytes).kind).not.toBe('incomplete');
      }),
      { numRuns: 300 },
    );
  });

  it('say of a caller what was said of it, in both versions alike', () => {
    const unicast = fc.ipV4().filter((text) => !/^(?:0\.0\.0\.0|22[4-9]\.|23\d\.|255\.255\.255\.255)/.test(text));
    fc.assert(
      fc.property(
        unicast,
        unicast,
        fc.nat(65_535),
        fc.nat(65_535),
        (source, destination, sourcePort, destinationPort) => {
          const ends = { sourceAddress: source, sourcePort, destinationAddress: destination, destinationPort };
          const text = readProxyHeader(Buffer.from(textHeader(ends)));
          const bytes = readProxyHeader(binaryHeader({ ends }));
          expect([text, bytes]).toMatchObject([{ ends }, { ends }]);
        },
      ),
    );
  });
});
