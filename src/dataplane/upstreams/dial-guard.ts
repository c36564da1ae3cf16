import net from 'node:net';
import os from 'node:os';
import { NEVER_DIALLED } from '../../kernel/never-dialled.ts';

/** May this address be dialled on behalf of a route or a policy? */
export type DialGuard = (address: string, port: number) => boolean;

export interface DialPolicy {
  /** Loopback addresses and sockets of the local file system. */
  readonly allowLoopback: boolean;
  /** Where our own admin listener listens: never a destination, loopback allowed or not. */
  readonly admin?: { readonly address: string; readonly port: number } | undefined;
  /** The cluster's API server and whatever else no team shall reach through the gateway; without a port: all ports. */
  readonly refused?: readonly { readonly address: string; readonly port?: number | undefined }[];
}

/**
 * Destinations come from teams, and names resolve to whatever their owner likes: so this is asked at each connect,
 * after DNS (edge-security M-06, J-19).
 */
export function createDialGuard(policy: DialPolicy): DialGuard {
  const never = neverDialled();
  const loopback = loopbackAddresses();
  const refused = (policy.refused ?? []).map((entry) => ({ address: canonical(entry.address), port: entry.port }));
  return (address, port) => {
    if (address.startsWith('unix:') || address.startsWith('/')) return policy.allowLoopback;
    const plain = canonical(address);
    const family = net.isIPv6(plain) ? 'ipv6' : net.isIPv4(plain) ? 'ipv4' : undefined;
    if (family === undefined || never.check(plain, family)) return false;
    const local = loopback.check(plain, family);
    if (local && !policy.allowLoopback) return false;
    if (policy.admin !== undefined && port === policy.admin.port && reaches(plain, local, policy.admin.address))
      return false;
    return !refused.some((entry) => entry.address === plain && (entry.port === undefined || entry.port === port));
  };
}

function neverDialled(): net.BlockList {
  const list = new net.BlockList();
  for (const network of NEVER_DIALLED) {
    const [address, prefix] = network.split('/') as [string, string];
    list.addSubnet(address, Number(prefix), address.includes(':') ? 'ipv6' : 'ipv4');
  }
  return list;
}

function loopbackAddresses(): net.BlockList {
  const list = new net.BlockList();
  list.addSubnet('127.0.0.0', 8, 'ipv4');
  list.addAddress('::1', 'ipv6');
  return list;
}

export const isLoopback = (address: string): boolean => address.startsWith('127.') || address === '::1';

/** Does a connection to `address` end at a listener bound to `bound`? */
function reaches(address: string, local: boolean, bound: string): boolean {
  const listener = canonical(bound);
  if (listener === address) return true;
  // On Linux all of 127/8 is this machine, but a listener on 127.0.0.1 hears that one address alone; we take no chances.
  if (local && isLoopback(listener)) return true;
  if (listener !== '0.0.0.0' && listener !== '::') return false;
  return local || ownAddresses().has(address);
}

function ownAddresses(): ReadonlySet<string> {
  const own = new Set<string>();
  for (const entries of Object.values(os.networkInterfaces()))
    for (const entry of entries ?? []) own.add(entry.address);
  return own;
}

/** IPv4 inside IPv6 (mapped, compatible, NAT64, 6to4) counts as that IPv4; zones are dropped. */
function canonical(address: string): string {
  const bare = address.replace(/^\[|\]$/g, '').replace(/%.*$/, '');
  if (!net.isIPv6(bare)) return bare;
  const groups = expand(bare);
  const [a, b, c, d, e, f, g, h] = groups as [number, number, number, number, number, number, number, number];
  const zeros = a === 0 && b === 0 && c === 0 && d === 0 && e === 0;
  if (zeros && (f === 0xffff || (f === 0 && g !== 0))) return dotted(g, h);
  if (a === 0x64 && b === 0xff9b && c === 0 && d === 0 && e === 0 && f === 0) return dotted(g, h);
  if (a === 0x2002) return dotted(b, c);
  return new URL(`http://[${bare}]`).hostname.slice(1, -1);
}

function expand(address: string): number[] {
  const ipv4 = /(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  const hex =
    ipv4 === null
      ? address
      : `${address.slice(0, ipv4.index)}${((Number(ipv4[1]) << 8) | Number(ipv4[2])).toString(16)}:${((Number(ipv4[3]) << 8) | Number(ipv4[4])).toString(16)}`;
  const [left, right] = hex.split('::') as [string, string | undefined];
  const groups = (text: string | undefined): number[] =>
    text === undefined || text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
  const head = groups(left);
  const tail = groups(right);
  if (right === undefined) return head;
  return [...head, ...new Array<number>(8 - head.length - tail.length).fill(0), ...tail];
}

const dotted = (high: number, low: number): string => `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
