import { clusterOptions, openCluster } from '../cli/cluster.ts';
import { directoryOptions } from '../cli/load.ts';
import type { Log } from '../control/log.ts';
import { systemClock } from '../kernel/clock.ts';
import type { MeshSettings } from '../resources/index.ts';
import type { Settings } from '../settings.ts';
import { combinedSource } from '../sources/combine.ts';
import { directorySource } from '../sources/directory.ts';
import { type ApiClient, type KubernetesSource, kubernetesSource } from '../sources/kubernetes.ts';
import type { ResourceSource } from '../sources/source.ts';

/** Where this gateway's resources come from. */
export interface Sources {
  readonly source: ResourceSource;
  /** The one of them that is a cluster. */
  readonly cluster: { readonly source: KubernetesSource; readonly client: ApiClient } | undefined;
  /** Looks at everything now, and takes what was held back until somebody says so. */
  refresh(): void;
  close(): Promise<void>;
}

export async function openSources(settings: Settings, mesh: MeshSettings, log: Log): Promise<Sources> {
  const directory =
    settings.dir === undefined
      ? undefined
      : directorySource({ ...directoryOptions(settings), warn: (message) => log.warn(message) });
  const cluster = settings.kubernetes ? await openClusterSource(settings, mesh, log) : undefined;
  const all = [directory, cluster?.source].filter((source) => source !== undefined);
  const source = combinedSource<ResourceSource>(all);
  return {
    source,
    cluster,
    refresh() {
      for (const one of all) one.refresh();
    },
    async close() {
      await source.close();
      await cluster?.client.close();
    },
  };
}

async function openClusterSource(settings: Settings, mesh: MeshSettings, log: Log) {
  const { client } = await openCluster(settings);
  const source = kubernetesSource({
    ...clusterOptions(client, settings, mesh, systemClock),
    stateDir: settings.stateDir,
    keepStatus: settings.writeStatus,
    log,
  });
  return { source, client };
}
