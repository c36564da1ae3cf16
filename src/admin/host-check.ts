import { isIP } from 'node:net';

/**
 * May the admin listener be called by this Host? An address cannot be a rebound DNS name, and `localhost` is the
 * machine's own; any other name must have been allowed, or a web page could make its visitor's browser read from here.
 */
export function isAllowedHost(host: string | undefined, allowed: readonly string[]): boolean {
  // HTTP/1.0 has none, and no browser speaks it.
  if (host === undefined) return true;
  const name = host.replace(/:\d*$/, '').toLowerCase();
  if (name === 'localhost' || isIP(name) === 4) return true;
  if (name.startsWith('[') && name.endsWith(']')) return isIP(name.slice(1, -1)) === 6;
  return allowed.some((candidate) => candidate.toLowerCase() === name);
}
