/** Addresses and networks, parsed as Go's netip does: strict forms only, without needing the runtime's network module. */
export interface IpAddress {
  readonly version: 4 | 6;
  readonly bits: bigint;
  /** `fe80::1%eth0`; '' without. */
  readonly zone: string;
}

export interface Cidr {
  readonly version: 4 | 6;
  /** The address with everything beyond the prefix cleared. */
  readonly network: bigint;
  readonly prefix: number;
}

/** undefined: not an address. No leading zeros, no brackets, no port. */
export function parseIp(text: string): IpAddress | undefined {
  if (!text.includes(':')) {
    const bits = parseV4(text);
    return bits === undefined ? undefined : { version: 4, bits, zone: '' };
  }
  const percent = text.indexOf('%');
  const zone = percent === -1 ? '' : text.slice(percent + 1);
  if (percent !== -1 && zone === '') return undefined;
  const bits = parseV6(percent === -1 ? text : text.slice(0, percent));
  return bits === undefined ? undefined : { version: 6, bits, zone };
}

/** `10.0.0.0/8`; an address without a length is none. */
export function parseCidr(text: string): Cidr | undefined {
  const slash = text.lastIndexOf('/');
  if (slash === -1) return undefined;
  const address = parseIp(text.slice(0, slash));
  const length = text.slice(slash + 1);
  if (address === undefined || address.zone !== '' || !/^(?:0|[1-9]\d{0,2})$/.test(length)) return undefined;
  const size = address.version === 4 ? 32 : 128;
  const prefix = Number(length);
  if (prefix > size) return undefined;
  const host = BigInt(size - prefix);
  return { version: address.version, network: (address.bits >> host) << host, prefix };
}

function parseV4(text: string): bigint | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  let bits = 0n;
  for (const part of parts) {
    if (!/^(?:0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    bits = (bits << 8n) | BigInt(part);
  }
  return bits;
}

function parseV6(text: string): bigint | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map((half, index) => groupsOf(half, index === halves.length - 1));
  if (head === undefined || (halves.length === 2 && tail === undefined)) return undefined;
  const given = head.length + (tail?.length ?? 0);
  if (halves.length === 2 ? given > 7 : given !== 8) return undefined;
  const groups = [...head, ...Array<number>(8 - given).fill(0), ...(tail ?? [])];
  return groups.reduce((bits, group) => (bits << 16n) | BigInt(group), 0n);
}

/** The 16 bit groups of one side of `::`; a dotted IPv4 address may end the last side. */
function groupsOf(text: string, isLast: boolean): number[] | undefined {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [index, part] of parts.entries()) {
    if (part.includes('.') && isLast && index === parts.length - 1) {
      const v4 = parseV4(part);
      if (v4 === undefined) return undefined;
      groups.push(Number(v4 >> 16n), Number(v4 & 0xffffn));
    } else if (/^[0-9A-Fa-f]{1,4}$/.test(part)) groups.push(Number.parseInt(part, 16));
    else return undefined;
  }
  return groups;
}
