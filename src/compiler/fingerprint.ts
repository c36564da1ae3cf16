import { createHash } from 'node:crypto';
import { memoizeByIdentity } from '../kernel/memo.ts';
import type { Cluster, FilterSettings, RouteTable } from '../table/index.ts';
import { ListHash } from './list-hash.ts';
import type { Completion } from './policies.ts';
import type { BuiltHost, BuiltRouteConfig } from './virtual-hosts.ts';

/*
 * Content hashes, remembered with the parts that they are of. They depend on content alone, so that equal resources give
 * equal revisions on every replica, in whatever order they came.
 */

const hash = (text: string): string => createHash('sha256').update(text).digest('base64url').slice(0, 22);

const NO_PARTS: readonly never[] = [];

const completionHash = ({ fingerprint, routes }: Completion): string =>
  fingerprint.get(NO_PARTS, () => hash(JSON.stringify(routes)));

/** The order of a host's routes follows from that of its parts. */
const hostHash = ({ fingerprint, host, parts }: BuiltHost): string =>
  fingerprint.get(NO_PARTS, () =>
    hash(`${host.domain} ${host.requireTls} ${parts.map(({ completion }) => completionHash(completion)).join()}`),
  );

export const createHostsHash = (): ListHash<BuiltHost> => new ListHash(hostHash, hash);

const routeConfigHash = ({ config, hosts, hostsHash }: BuiltRouteConfig): string =>
  hash(`${config.name} ${config.port} ${config.grpcWeb} ${hostsHash.of(hosts)}`);

const clusterHash = memoizeByIdentity((clusters: readonly Cluster[]) => ({ text: hash(JSON.stringify(clusters)) }));
const filterHash = memoizeByIdentity((filters: FilterSettings) => ({ text: hash(JSON.stringify(filters)) }));

export function revisionOf(
  table: Pick<RouteTable, 'settings' | 'listeners' | 'clusters' | 'filters'>,
  routeConfigs: readonly BuiltRouteConfig[],
): string {
  return hash(
    JSON.stringify([
      table.settings,
      table.listeners,
      routeConfigs.map((config) => routeConfigHash(config)),
      clusterHash(table.clusters).text,
      filterHash(table.filters).text,
    ]),
  );
}
