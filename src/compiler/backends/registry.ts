import { byEach, compareNumbers, compareStrings } from '../../kernel/compare.ts';
import { memoizeByIdentity } from '../../kernel/memo.ts';
import type { ResourceOf } from '../../resources/kinds.ts';
import type { CompileOptions } from '../compilation.ts';
import { remembered } from './remember.ts';
import { type BackendService, fromKubernetesService, fromServiceEntry } from './service.ts';
import { type Reach, reach } from './visibility.ts';

/** All services by host. Of several of one host the first is the one that counts. */
export interface Registry {
  readonly visible: ReadonlyMap<string, readonly BackendService[]>;
  /** Those that the gateway must not see included. */
  readonly all: ReadonlyMap<string, readonly BackendService[]>;
}

const DISTANCE: Readonly<Record<Reach, number>> = { own: 0, named: 1, public: 2, hidden: 3 };

/**
 * Kubernetes' own service before any ServiceEntry, so that nobody squats on a name; else what is exported to the
 * gateway's namespace in particular, then the oldest (istio-semantics §4).
 */
export const buildRegistry = memoizeByIdentity(
  (
    services: readonly ResourceOf<'Service'>[],
    entries: readonly ResourceOf<'ServiceEntry'>[],
    options: CompileOptions,
  ): Registry => {
    const all = new Map<string, BackendService[]>();
    const add = (service: BackendService): void =>
      void remembered(all, service.host, (): BackendService[] => []).push(service);
    for (const service of services) add(fromKubernetesService(service, options.mesh));
    for (const entry of entries) for (const service of fromServiceEntry(entry, options.mesh)) add(service);

    const distance = (service: BackendService): number =>
      DISTANCE[reach(service.exportTo, service.namespace, options.gatewayNamespace)];
    const visible = new Map<string, readonly BackendService[]>();
    const precedence = byEach<BackendService>(
      (a, b) => compareNumbers(a.kind === 'kubernetes' ? 0 : 1, b.kind === 'kubernetes' ? 0 : 1),
      (a, b) => compareNumbers(distance(a), distance(b)),
      (a, b) => compareNumbers(a.createdMs, b.createdMs),
      (a, b) => compareStrings(a.namespace, b.namespace),
      (a, b) => compareStrings(a.object.name, b.object.name),
    );
    for (const [host, services] of all) {
      if (services.length > 1) services.sort(precedence);
      const isSeen = (service: BackendService): boolean => distance(service) < DISTANCE.hidden;
      const seen = services.every(isSeen) ? services : services.filter(isSeen);
      if (seen.length > 0) visible.set(host, seen);
    }
    return { visible, all };
  },
);
