import { BlockList, isIP } from 'node:net';
import { networkInterfaces } from 'node:os';

export interface DialGuardOptions {
  /** Where routes may lead to loopback, as on a laptop or beside a sidecar. */
  readonly allowLoopback: boolean;
  readonly admin: HostAndPort;
  /** Of the cluster that the gateway runs in. */
  readonly apiServer: HostAndPort | undefined;
  /** Of this machine; for tests. */
  readonly ownAddresses?: readonly string[];
}

export interface HostAndPort {
  readonly address: string;
  readonly port: number;
}

/**
 * Never a team's backend: this network, link-local with the metadata services of the clouds, multicast, broadcast, and
 * the metadata services that have other addresses (edge-security M-06).
 */
const NEVER: readonly (readonly [network: string, prefix: number])[] = [
  ['0.0.0.0', 8],
  ['169.254.0.0', 16],
  ['168.63.129.16', 32],
  ['100.100.100.200', 32],
  ['224.0.0.0', 4],
  ['255.255.255.255', 32],
  ['::', 128],
  ['fe80::', 10],
  ['ff00::', 8],
  ['fd00:ec2::254', 128],
  ['fd20:ce::254', 128],
];
const LOOPBACK: readonly (readonly [network: string, prefix: number])[] = [
  ['127.0.0.0', 8],
  ['::1', 128],
];

/** May the gateway connect to this address? Asked at each connect, with the address that a name was resolved to. */
export function createDialGuard(options: DialGuardOptions): (address: string, port: number) => boolean {
  const never = blockList(NEVER);
  const loopback = blockList(LOOPBACK);
  const { admin, apiServer, allowLoopback } = options;
  const own = new Set(options.ownAddresses ?? machineAddresses());
  const adminEverywhere = admin.address === '0.0.0.0' || admin.address === '::';

  return (address, port) => {
    const plain = withoutMapping(address);
    const family = isIP(plain);
    // A socket of the file system is of this machine, as loopback is.
    if (family === 0) return allowLoopback && plain.startsWith('unix://');
    const name = family === 4 ? 'ipv4' : 'ipv6';
    if (never.check(plain, name)) return false;
    const isLoopback = loopback.check(plain, name);
    if (isLoopback && !allowLoopback) return false;
    if (apiServer !== undefined && plain === apiServer.address && port === apiServer.port) return false;
    if (port !== admin.port) return true;
    return adminEverywhere ? !(isLoopback || own.has(plain)) : plain !== admin.address;
  };
}

function blockList(networks: readonly (readonly [string, number])[]): BlockList {
  const list = new BlockList();
  for (const [network, prefix] of networks) list.addSubnet(network, prefix, isIP(network) === 4 ? 'ipv4' : 'ipv6');
  return list;
}

/** An IPv4 address may come as `::ffff:127.0.0.1` or `::ffff:7f00:1`, `::1` in full length: one form for all. */
function withoutMapping(address: string): string {
  if (isIP(address) !== 6) return address;
  const text = new URL(`http://[${address.split('%')[0]}]`).hostname.slice(1, -1);
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(text);
  if (mapped === null) return text;
  const [high, low] = [Number.parseInt(mapped[1] as string, 16), Number.parseInt(mapped[2] as string, 16)];
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

const machineAddresses = (): readonly string[] =>
  Object.values(networkInterfaces()).flatMap((entries) => (entries ?? []).map((entry) => entry.address));

export function isLoopbackAddress(address: string): boolean {
  const plain = withoutMapping(address);
  const family = isIP(plain);
  return family !== 0 && blockList(LOOPBACK).check(plain, family === 4 ? 'ipv4' : 'ipv6');
}
