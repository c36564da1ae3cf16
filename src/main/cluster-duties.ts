import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { Log } from '../control/log.ts';
import { objectStatuses } from '../control/object-statuses.ts';
import type { ControlState } from '../control/reconciler.ts';
import { systemClock } from '../kernel/clock.ts';
import type { Settings } from '../settings.ts';
import { startStatusWriter } from '../sources/kubernetes.ts';
import type { Sources } from './sources.ts';

/** What a gateway owes the cluster that it reads: word of what became of its objects. */
export interface ClusterDuties {
  published(state: ControlState): void;
  close(): Promise<void>;
}

export function startClusterDuties(settings: Settings, { cluster }: Sources, log: Log): ClusterDuties | undefined {
  if (cluster === undefined || !settings.writeStatus) return undefined;
  const { source, client } = cluster;
  const writer = startStatusWriter({
    client,
    namespace: settings.gatewayNamespace,
    // A Pod's host name is its own; another process of the same machine is told apart all the same.
    identity: `${hostname()}-${randomBytes(3).toString('hex')}`,
    gateway: `${settings.gatewayNamespace}/${Object.entries(settings.gatewayLabels)
      .map(([key, value]) => `${key}=${value}`)
      .toSorted()
      .join()}`,
    facts: (ref) => source.known(ref),
    clock: systemClock,
    log,
  });
  return {
    published(state) {
      const statuses = objectStatuses(state, (ref) => source.known(ref));
      writer.update({ revision: state.compilation.table.revision, statuses });
    },
    close: () => writer.close(),
  };
}
