import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { Registry } from 'prom-client';
import { registerClusterMetrics } from '../admin/cluster-metrics.ts';
import type { AdmissionServer } from '../admission/index.ts';
import { usageError } from '../cli/terminal.ts';
import type { Compile } from '../control/isolation.ts';
import type { Log } from '../control/log.ts';
import { dismissedStatuses, objectStatuses } from '../control/object-statuses.ts';
import type { ControlState } from '../control/reconciler.ts';
import type { ObjectRef } from '../diagnostics/index.ts';
import { systemClock } from '../kernel/clock.ts';
import type { Settings } from '../settings.ts';
import { type KnownObject, type StatusWriter, startStatusWriter } from '../sources/kubernetes.ts';
import type { Sources } from './sources.ts';

/** What a gateway owes the cluster that it reads: word of what became of its objects, and of what would. */
export interface ClusterDuties {
  published(state: ControlState): void;
  close(): Promise<void>;
}

export interface DutiesOptions {
  readonly settings: Settings;
  readonly sources: Sources;
  /** The gateway's own. */
  readonly compile: Compile;
  readonly state: () => ControlState | undefined;
  readonly registry: Registry;
  readonly log: Log;
}

export async function startClusterDuties(options: DutiesOptions): Promise<ClusterDuties> {
  const { cluster } = options.sources;
  const writer = startWriter(options);
  if (cluster !== undefined) {
    const health = () => cluster.source.health();
    registerClusterMetrics(options.registry, { health, clock: systemClock, writer });
  }
  const admission = await admissionDuty(options);
  return {
    published(state) {
      if (cluster === undefined) return;
      const { source } = cluster;
      const known = (ref: ObjectRef): KnownObject | undefined => source.known(ref);
      const statuses = () =>
        objectStatuses(state, known).concat(dismissedStatuses(source.dismissed(gatewayName(options.settings)), known));
      writer?.update({ revision: state.compilation.table.revision, statuses });
    },
    async close() {
      await Promise.all([writer?.close(), admission?.close()]);
    },
  };
}

async function admissionDuty({ settings, compile, state, log }: DutiesOptions): Promise<AdmissionServer | undefined> {
  const { admissionPort, admissionCerts, listenAddress } = settings;
  if (admissionPort === 0) return undefined;
  if (admissionCerts === undefined)
    throw usageError('--admission-port needs --admission-certs, a folder with tls.crt and tls.key');
  const { createReviewer, startAdmission } = await import('../admission/index.ts');
  const review = createReviewer({ compile, resources: () => state()?.resources });
  return startAdmission({ address: listenAddress, port: admissionPort, certificates: admissionCerts, review, log });
}

function startWriter({ settings, sources: { cluster }, log }: DutiesOptions): StatusWriter | undefined {
  if (cluster === undefined || !settings.writeStatus) return undefined;
  const { source, client } = cluster;
  return startStatusWriter({
    client,
    namespace: settings.gatewayNamespace,
    // A Pod's host name is its own; another process of the same machine is told apart all the same.
    identity: `${hostname()}-${randomBytes(3).toString('hex')}`,
    gateway: gatewayName(settings),
    facts: (ref) => source.known(ref),
    clock: systemClock,
    log,
  });
}

/** As its objects' receipts say it. */
const gatewayName = ({ gatewayNamespace, gatewayLabels }: Settings): string =>
  `${gatewayNamespace}/${Object.entries(gatewayLabels)
    .map(([key, value]) => `${key}=${value}`)
    .toSorted()
    .join()}`;
