import { BlockList, isIPv4, isIPv6, SocketAddress } from 'node:net';
import { plainAddress } from './plain-address.ts';

/*
 * The header that a load balancer puts before the first byte of a connection, since the addresses of its own connection say
 * nothing of the client (PROXY protocol, as HAProxy specifies it in proxy-protocol.txt; §2.1 text, §2.2 binary). What Envoy's
 * listener filter takes is taken here, and what it refuses is refused: Istio switches that filter on as it is, for both versions.
 */

/** Between whom the connection is that the load balancer passes on. */
export interface ProxiedEnds {
  readonly sourceAddress: string;
  readonly sourcePort: number;
  readonly destinationAddress: string;
  readonly destinationPort: number;
}

export type ProxyHeader =
  /** So far it is the beginning of one. */
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'invalid' }
  /** `ends`: undefined where the load balancer speaks for itself (LOCAL), or for somebody it cannot name (UNKNOWN). */
  | { readonly kind: 'header'; readonly length: number; readonly ends: ProxiedEnds | undefined };

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const TEXT_BEGINNING = Buffer.from('PROXY ', 'latin1');
/** The longest line there can be, CR and LF included (§2.1). */
const MAX_TEXT_BYTES = 107;
/** Of the binary form, without addresses; two bytes of it say how much follows, so no header has more than 64 KiB. */
const FIXED_BYTES = 16;

const INCOMPLETE: ProxyHeader = { kind: 'incomplete' };
const INVALID: ProxyHeader = { kind: 'invalid' };

/** Of a connection's first bytes, which may end anywhere. What cannot become a header is invalid as soon as that can be told. */
export function readProxyHeader(bytes: Buffer): ProxyHeader {
  if (begins(bytes, TEXT_BEGINNING)) return bytes.length < TEXT_BEGINNING.length ? INCOMPLETE : readText(bytes);
  if (begins(bytes, SIGNATURE)) return bytes.length < FIXED_BYTES ? INCOMPLETE : readBinary(bytes);
  return INVALID;
}

function begins(bytes: Buffer, expected: Buffer): boolean {
  const compared = Math.min(bytes.length, expected.length);
  return bytes.compare(expected, 0, compared, 0, compared) === 0;
}

/* ------------------------------------------------------- version 1, a line */

function readText(bytes: Buffer): ProxyHeader {
  const end = bytes.subarray(0, MAX_TEXT_BYTES).indexOf('\r\n');
  if (end < 0) return bytes.length < MAX_TEXT_BYTES ? INCOMPLETE : INVALID;
  const length = end + 2;
  const [, transport, source = '', destination = '', sourcePort = '', destinationPort = '', ...more] = bytes
    .toString('latin1', 0, end)
    .split(' ');
  // Whatever stands behind it does not count.
  if (transport === 'UNKNOWN') return { kind: 'header', length, ends: undefined };
  const isAddress = transport === 'TCP4' ? isIPv4 : transport === 'TCP6' ? isIPv6WithoutZone : undefined;
  if (isAddress === undefined || more.length > 0) return INVALID;
  if (!isAddress(source) || !isAddress(destination) || !isPort(sourcePort) || !isPort(destinationPort)) return INVALID;
  return headerOf(length, {
    sourceAddress: canonical(source),
    sourcePort: Number(sourcePort),
    destinationAddress: canonical(destination),
    destinationPort: Number(destinationPort),
  });
}

const isIPv6WithoutZone = (text: string): boolean => isIPv6(text) && !text.includes('%');

/** No sign, and no zero at the front that might stand for another base (§2.1). */
const isPort = (text: string): boolean => /^(?:0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535;

/* ----------------------------------------------------- version 2, in binary */

const LOCAL = 0x20;
const PROXY = 0x21;
/** Bytes of one address, by family and transport: TCP and UDP over IPv4 and IPv6. Without an address, or with a UNIX one, there is nobody to speak for. */
const ADDRESS_BYTES: Readonly<Record<number, 4 | 16>> = { 17: 4, 18: 4, 33: 16, 34: 16 };

function readBinary(bytes: Buffer): ProxyHeader {
  const length = FIXED_BYTES + bytes.readUInt16BE(14);
  const versionAndCommand = bytes.readUInt8(12);
  if (versionAndCommand === LOCAL)
    return bytes.length < length ? INCOMPLETE : { kind: 'header', length, ends: undefined };
  const size = ADDRESS_BYTES[bytes.readUInt8(13)];
  if (versionAndCommand !== PROXY || size === undefined) return INVALID;
  const ports = FIXED_BYTES + 2 * size;
  if (length < ports + 4) return INVALID;
  if (bytes.length < length) return INCOMPLETE;
  if (!areExtensions(bytes.subarray(ports + 4, length))) return INVALID;
  return headerOf(length, {
    sourceAddress: addressOf(bytes.subarray(FIXED_BYTES, FIXED_BYTES + size)),
    sourcePort: bytes.readUInt16BE(ports),
    destinationAddress: addressOf(bytes.subarray(FIXED_BYTES + size, ports)),
    destinationPort: bytes.readUInt16BE(ports + 2),
  });
}

/** Type, length, value, one after the other to the end (§2.2). None of them is used; those that do not fit together are no header. */
function areExtensions(bytes: Buffer): boolean {
  let at = 0;
  while (at < bytes.length) {
    if (at + 3 > bytes.length) return false;
    at += 3 + bytes.readUInt16BE(at + 1);
  }
  return at === bytes.length;
}

function addressOf(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16));
  return canonical(groups.join(':'));
}

/* --------------------------------------------------------------- addresses */

/** One spelling for one address: it is compared, counted and logged as text. */
const canonical = (address: string): string =>
  isIPv4(address) ? address : plainAddress(new SocketAddress({ address, family: 'ipv6' }).address);

/** Nobody's: unspecified, broadcast, groups. No TCP connection has one. */
const NOT_UNICAST = new BlockList();
NOT_UNICAST.addAddress('0.0.0.0', 'ipv4');
NOT_UNICAST.addAddress('255.255.255.255', 'ipv4');
NOT_UNICAST.addSubnet('224.0.0.0', 4, 'ipv4');
NOT_UNICAST.addAddress('::', 'ipv6');
NOT_UNICAST.addSubnet('ff00::', 8, 'ipv6');

const isUnicast = (address: string): boolean => !NOT_UNICAST.check(address, isIPv4(address) ? 'ipv4' : 'ipv6');

const headerOf = (length: number, ends: ProxiedEnds): ProxyHeader =>
  isUnicast(ends.sourceAddress) && isUnicast(ends.destinationAddress) ? { kind: 'header', length, ends } : INVALID;
