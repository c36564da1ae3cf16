import { BlockList, isIP } from 'node:net';
import { ownCopy } from '../kernel/own-copy.ts';

type Family = 'ipv4' | 'ipv6';

/** Answers that are kept: to ask a BlockList is dear, as it makes an object outside V8's heap of each address. */
const MAX_KNOWN = 1_024;

/**
 * Is an address in one of these blocks (`192.0.2.0/24`, `2001:db8::1`)? Addresses of one family are never in a block of the
 * other, and what is no address is in none.
 */
export function addressBlocks(blocks: readonly string[]): (address: string) => boolean {
  const lists = { ipv4: new BlockList(), ipv6: new BlockList() };
  for (const block of blocks) {
    const [address = '', bits] = block.split('/');
    const family = familyOf(address) ?? 'ipv4';
    if (bits === undefined) lists[family].addAddress(address, family);
    else lists[family].addSubnet(address, Number(bits), family);
  }
  const known = new Map<string, boolean>();
  return (address) => {
    const before = known.get(address);
    if (before !== undefined) return before;
    const family = familyOf(address);
    const inside = family !== undefined && lists[family].check(address, family);
    if (known.size >= MAX_KNOWN) known.clear();
    known.set(ownCopy(address), inside);
    return inside;
  };
}

function familyOf(address: string): Family | undefined {
  const version = isIP(address);
  return version === 0 ? undefined : version === 4 ? 'ipv4' : 'ipv6';
}
