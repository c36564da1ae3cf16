import { readFileSync } from 'node:fs';

/** Files, ports and what the runtime itself holds. */
const RESERVED = 64;

/** How many descriptors this process may have; Infinity where nobody says. */
export function descriptorLimit(): number {
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/**
 * As many clients as leave a descriptor for the service each of them asks for (edge-security ): one client too many is
 * closed, while a service that cannot be connected to would fail clients that were there before.
 */
export const connectionsWithin = (descriptors: number): number => Math.max(1, Math.floor((descriptors - RESERVED) / 2));
