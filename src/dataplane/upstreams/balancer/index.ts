import type { Cluster, LoadBalancer, OutlierDetection } from '../../../table/model.ts';
import type { PickContext } from '../port.ts';
import { balancesByHash } from '../traits.ts';
import type { VisitedPriorities } from '../visited-priorities.ts';
import { maglev, ringHash } from './hashing.ts';
import { localityFirst, sharingLocalities } from './localities.ts';
import type { BalancedHost, Picker, PickerEnvironment } from './picker.ts';
import { randomIndex } from './picker.ts';
import { type PriorityLoads, priorityLoads } from './priorities.ts';
import { leastRequest, randomly, roundRobin, type Turn } from './simple.ts';
import { type Hash64, modulo } from './xxhash64.ts';

export type { BalancedHost } from './picker.ts';
export { type Hash64, xxHash64 } from './xxhash64.ts';

/** How many times the balancer is asked for a host that was not tried yet: once, and then as often as Istio has it repeated (istio-semantics §2.10). */
const PICKS = 1 + 5;
const HALF_RANGE = 2 ** 32;
/** For those who take no notice of it. */
const UNUSED: Hash64 = { high: 0, low: 0 };

type BalancedCluster = Pick<Cluster, 'loadBalancer' | 'byLocality'> & {
  readonly outlierDetection: Pick<OutlierDetection, 'minHealthPercent'> | undefined;
};

/** Chooses a host for each request: first a priority by its health, then a host of it by the cluster's policy. */
export class Balancer<H extends BalancedHost> {
  /** Hosts chosen among all of a priority, the sick ones too, since too few were usable (Envoy's `lb_healthy_panic`). */
  panics = 0;
  readonly #policy: LoadBalancer;
  readonly #isByHash: boolean;
  readonly #minHealthPercent: number;
  readonly #environment: PickerEnvironment;
  readonly #byLocality: boolean;
  readonly #turns = new Map<string, Turn>();
  #levels: readonly Level<H>[] = [];
  #loads: PriorityLoads = { loads: [], panic: [] };

  /** `minHealthPercent`: 0: no panic, an empty set of usable hosts is answered with none. */
  constructor({ loadBalancer, outlierDetection, byLocality = false }: BalancedCluster, environment: PickerEnvironment) {
    this.#policy = loadBalancer;
    this.#isByHash = balancesByHash({ loadBalancer });
    this.#minHealthPercent = outlierDetection?.minHealthPercent ?? 0;
    this.#byLocality = byLocality;
    this.#environment = environment;
  }

  /** After any change of hosts, weights, readiness or ejections. */
  refresh(hosts: readonly H[]): void {
    const priorities = [...new Set(hosts.map((host) => host.priority))].sort((a, b) => a - b);
    this.#levels = priorities.map((priority) => {
      const all = hosts.filter((host) => host.priority === priority);
      return { priority, all, usable: all.filter((host) => host.usable), picker: undefined };
    });
    this.#loads = priorityLoads(
      this.#levels.map(({ all, usable }) => ({ total: all.length, healthy: usable.length })),
      this.#minHealthPercent,
    );
  }

  /** undefined: nobody may be asked. When all picks were tried before, the last of them. */
  pick({ hash: asked, avoid, visited }: PickContext): H | undefined {
    const loads = visited === undefined ? this.#loads : this.#loadsWithout(visited);
    const hash = asked ?? (this.#isByHash ? this.#anyHash() : UNUSED);
    let host: H | undefined;
    for (let attempt = 0; attempt < PICKS; attempt++) {
      host = this.#pickOnce(hash, attempt, loads);
      if (host === undefined || avoid.size === 0 || !avoid.has(host.key)) return host;
    }
    return host;
  }

  /** As if nobody in the priorities that were visited were well. */
  #loadsWithout(visited: VisitedPriorities): PriorityLoads {
    const usable = this.#levels.filter((level) => level.usable.length > 0).map(({ priority }) => priority);
    const excluded = visited.excluded(usable);
    if (excluded.size === 0) return this.#loads;
    const levels = this.#levels.map(({ priority, all, usable: { length } }) => ({
      total: all.length,
      healthy: excluded.has(priority) ? 0 : length,
    }));
    return priorityLoads(levels, 0);
  }

  #anyHash(): Hash64 {
    const { random } = this.#environment;
    return { high: randomIndex(random, HALF_RANGE), low: randomIndex(random, HALF_RANGE) };
  }

  #pickOnce(hash: Hash64, attempt: number, loads: PriorityLoads): H | undefined {
    const level = this.#chooseLevel(this.#levels.length === 1 ? 0 : this.#percentile(hash), loads);
    return level === undefined ? undefined : this.#picker(level)?.pick(hash, attempt);
  }

  #percentile(hash: Hash64): number {
    return this.#isByHash ? modulo(hash, 100) : randomIndex(this.#environment.random, 100);
  }

  #chooseLevel(
    percentile: number,
    { loads, panic }: PriorityLoads,
  ): { readonly level: Level<H>; readonly panic: boolean } | undefined {
    let below = 0;
    for (const [index, load] of loads.entries()) {
      below += load;
      if (percentile < below) return { level: this.#levels[index] as Level<H>, panic: panic[index] === true };
    }
    return undefined;
  }

  #picker({ level, panic }: { readonly level: Level<H>; readonly panic: boolean }): Picker<H> | undefined {
    const hosts = panic ? level.all : level.usable;
    if (hosts.length === 0) return undefined;
    if (panic) this.panics++;
    level.picker ??= this.#byLocality && !panic ? this.#pickerByLocality(level) : this.#createPicker(hosts, level, '');
    return level.picker;
  }

  #pickerByLocality(level: Level<H>): Picker<H> {
    const policy = this.#policy;
    switch (policy.kind) {
      case 'ring-hash':
        return sharingLocalities(level.all, (hosts) => ringHash(hosts, policy.minimumRingSize));
      case 'maglev':
        return sharingLocalities(level.all, (hosts) => maglev(hosts, policy.tableSize));
      default:
        return localityFirst(
          level.all,
          (hosts, locality) => this.#createPicker(hosts, level, locality),
          this.#environment,
        );
    }
  }

  #createPicker(hosts: readonly H[], { priority }: Level<H>, locality: string): Picker<H> {
    const policy = this.#policy;
    switch (policy.kind) {
      case 'least-request':
        return leastRequest(hosts, policy.warmup, this.#environment);
      case 'round-robin':
        return roundRobin(hosts, policy.warmup, this.#turn(`${priority} ${locality}`), this.#environment);
      case 'random':
        return randomly(hosts, this.#environment);
      case 'ring-hash':
        return ringHash(hosts, policy.minimumRingSize);
      case 'maglev':
        return maglev(hosts, policy.tableSize);
    }
  }

  #turn(place: string): Turn {
    const turn = this.#turns.get(place) ?? { next: randomIndex(this.#environment.random, 1024) };
    this.#turns.set(place, turn);
    return turn;
  }
}

interface Level<H> {
  readonly priority: number;
  readonly all: readonly H[];
  readonly usable: readonly H[];
  /** Made when it is first asked: tables of consistent hashing take a while. */
  picker: Picker<H> | undefined;
}
