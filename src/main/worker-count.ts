import { isLoopback } from '../dataplane/upstreams/dial-guard.ts';
import type { Settings } from '../settings.ts';

/**
 * `auto`: one per core, the only core included, so that a worker that breaks is replaced at once. One that is asked for by number
 * shares this process, and ends with it; so does that of a gateway that serves this machine alone, where what a service may be
 * asked (`connectionPool`) is to be exact rather than spread over cores. Only Linux spreads the connections of one port over
 * several processes that bind it.
 */
export function workerCount(
  { workers, listenAddress }: Pick<Settings, 'workers' | 'listenAddress'>,
  cores: number,
  platform: NodeJS.Platform = process.platform,
): number | 'here' {
  if (workers !== 'auto') return workers === 1 ? 'here' : workers;
  return platform === 'linux' && !isLoopback(listenAddress) ? cores : 'here';
}
