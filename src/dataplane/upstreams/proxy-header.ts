import { isIP } from 'node:net';
import type { ClientEnds } from '../stream.ts';

/** HAProxy's proxy-protocol.txt §2.2. */
const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const PROXY = 0x21;
const LOCAL = 0x20;
const TCP_OVER_IPV4 = 0x11;
const TCP_OVER_IPV6 = 0x21;

/** What goes before the first byte of a connection to a service, so that it knows whose it is (istio-semantics §3.2, `proxyProtocol`). */
export function proxyHeader(
  version: 1 | 2,
  { remoteAddress, remotePort, localAddress, localPort }: ClientEnds,
): Buffer {
  const families = [isIP(remoteAddress), isIP(localAddress)];
  // Without addresses, as on a UNIX socket, there is nobody to speak for.
  if (families.includes(0)) return version === 1 ? Buffer.from('PROXY UNKNOWN\r\n') : binary(LOCAL, 0, []);
  const asIPv6 = families.includes(6);
  if (version === 1) {
    const addresses = [remoteAddress, localAddress].map((address) => (asIPv6 ? inIPv6(address) : address));
    return Buffer.from(`PROXY TCP${asIPv6 ? 6 : 4} ${addresses.join(' ')} ${remotePort} ${localPort}\r\n`);
  }
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(remotePort, 0);
  ports.writeUInt16BE(localPort, 2);
  const bytesOf = asIPv6 ? ipv6Bytes : ipv4Bytes;
  return binary(PROXY, asIPv6 ? TCP_OVER_IPV6 : TCP_OVER_IPV4, [bytesOf(remoteAddress), bytesOf(localAddress), ports]);
}

function binary(command: number, family: number, parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([SIGNATURE, Buffer.of(command, family, body.length >> 8, body.length & 0xff), body]);
}

/** Both ends are of one family: an IPv4 address beside an IPv6 one is mapped (RFC 4291 §2.5.5.2). */
const inIPv6 = (address: string): string => (isIP(address) === 4 ? `::ffff:${address}` : address);

const ipv4Bytes = (address: string): Buffer => Buffer.from(address.split('.').map(Number));

function ipv6Bytes(address: string): Buffer {
  const [front = '', back] = inIPv6(address).split('::');
  const before = groups(front);
  const after = back === undefined ? [] : groups(back);
  return Buffer.from([...before, ...Array<number>(16 - before.length - after.length).fill(0), ...after]);
}

/** The bytes of `a:b:…`, of which the last may be an IPv4 address. */
const groups = (text: string): number[] =>
  text === ''
    ? []
    : text.split(':').flatMap((group) => {
        if (group.includes('.')) return [...ipv4Bytes(group)];
        const value = Number.parseInt(group, 16);
        return [value >> 8, value & 0xff];
      });
