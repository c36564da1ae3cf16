import { isIP } from 'node:net';

/** Longer lists are nobody's real proxies; entries from the right are looked at, the rest is never split (edge-security S-07). */
const MAX_HOPS = 64;

/**
 * The caller's address (istio-semantics §7.2): with no trusted proxy whom the connection speaks for, else the n-th entry of X-Forwarded-For
 * from the right. Too few entries, or one that is no bare IP address: the former again.
 */
export function trustedClientAddress(
  remoteAddress: string,
  forwardedFor: readonly string[],
  numTrustedProxies: number,
): string {
  if (numTrustedProxies <= 0 || numTrustedProxies > MAX_HOPS) return remoteAddress;
  const joined = forwardedFor.join(',');
  let end = joined.length;
  for (let n = 1; ; n++) {
    const comma = end < 0 ? -1 : joined.lastIndexOf(',', end - 1);
    if (n === numTrustedProxies) {
      const entry = joined.slice(comma + 1, end).trim();
      return isIP(entry) === 0 || entry.includes('%') ? remoteAddress : entry;
    }
    if (comma < 0) return remoteAddress;
    end = comma;
  }
}
