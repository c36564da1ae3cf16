import { NEVER_DIALLED } from '../kernel/never-dialled.ts';
import { type IpAddress, parseCidr, parseIp } from './ip.ts';

/** The data plane's guard refuses them at each connect, names that lead there included; here whoever writes one down is told at once. */
const NEVER = NEVER_DIALLED.map(network);

/** IPv4 within IPv6, by the bits it begins at: mapped, compatible, NAT64 and 6to4. */
const EMBEDDED = (
  [
    ['::ffff:0:0/96', 0n],
    ['::/96', 0n],
    ['64:ff9b::/96', 0n],
    ['2002::/16', 80n],
  ] as const
).map(([text, shift]) => ({ ...network(text), shift }));

function network(text: string) {
  const cidr = parseCidr(text);
  if (cidr === undefined) throw new Error(`${text} is no network`);
  return cidr;
}

type Network = ReturnType<typeof network>;

const contains = (
  { version, network: first, prefix }: Network,
  address: Pick<IpAddress, 'version' | 'bits'>,
): boolean =>
  version === address.version && (address.bits ^ first) >> BigInt((version === 4 ? 32 : 128) - prefix) === 0n;

/** Names are none; what they lead to is looked at when it is dialled. */
export function isNeverDialled(address: string): boolean {
  const parsed = parseIp(address);
  if (parsed === undefined) return false;
  if (NEVER.some((one) => contains(one, parsed))) return true;
  return EMBEDDED.some((one) => {
    const inner = (parsed.bits >> one.shift) & 0xffff_ffffn;
    // `::1` is the machine itself, and no IPv4 address.
    if (!contains(one, parsed) || inner >> 16n === 0n) return false;
    return NEVER.some((never) => contains(never, { version: 4, bits: inner }));
  });
}

export const neverDialledMistake = (quoted: string): string =>
  `${quoted} is an address that a gateway never dials: a metadata service, a link-local one, or none of any machine.`;
