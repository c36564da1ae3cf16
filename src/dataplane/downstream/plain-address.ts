/** `::ffff:192.0.2.1` is an IPv4 peer of a dual-stack socket; a zone says something to this machine only (edge-security S-07). */
export function plainAddress(address: string): string {
  const bare = address.includes('%') ? address.slice(0, address.indexOf('%')) : address;
  return /^::ffff:\d+\.\d+\.\d+\.\d+$/i.test(bare) ? bare.slice(7) : bare;
}
