import { createDialGuard, type DialGuard, isLoopback } from '../dataplane/upstreams/dial-guard.ts';
import { clusterApiServer, type Settings } from '../settings.ts';

/** What routes and policies may lead to. Loopback is for a gateway that serves this machine alone, unless somebody says otherwise. */
export function dialGuardOf({ allowLoopback, listenAddress, adminAddress, adminPort }: Settings): DialGuard {
  const apiServer = clusterApiServer();
  return createDialGuard({
    allowLoopback: allowLoopback === 'auto' ? isLoopback(listenAddress) : allowLoopback === 'yes',
    admin: { address: adminAddress, port: adminPort },
    refused: apiServer === undefined ? [] : [apiServer],
  });
}
