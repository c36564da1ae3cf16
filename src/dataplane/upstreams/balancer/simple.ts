import type { Warmup } from '../../../table/model.ts';
import { EdfPicker, haveEqualWeights, isWarmingUp, warmupFactor } from './edf.ts';
import { type BalancedHost, type Picker, type PickerEnvironment, randomIndex } from './picker.ts';

/** Where the turn is; outlives the picker, so that a change of hosts does not start again with the first one. */
export interface Turn {
  next: number;
}

/** ROUND_ROBIN, by weight where weights differ or hosts warm up. */
export function roundRobin<H extends BalancedHost>(
  hosts: readonly H[],
  warmup: Warmup | undefined,
  turn: Turn,
  environment: PickerEnvironment,
): Picker<H> {
  const { clock } = environment;
  if (needsWeights(hosts, warmup, clock.monotonicMs()))
    return new EdfPicker(hosts, (host) => host.weight * warmupFactor(host, warmup, clock.monotonicMs()), environment);
  return { pick: () => hosts[turn.next++ % hosts.length] as H };
}

/** LEAST_REQUEST: the less busy of two at random; where weights differ, by weight over load (istio-semantics §3.3). */
export function leastRequest<H extends BalancedHost>(
  hosts: readonly H[],
  warmup: Warmup | undefined,
  environment: PickerEnvironment,
): Picker<H> {
  const { clock, random } = environment;
  if (needsWeights(hosts, warmup, clock.monotonicMs()))
    return new EdfPicker(
      hosts,
      (host) => (host.weight * warmupFactor(host, warmup, clock.monotonicMs())) / (host.activeRequests + 1),
      environment,
    );
  return {
    pick: () => {
      const first = hosts[randomIndex(random, hosts.length)] as H;
      const second = hosts[randomIndex(random, hosts.length)] as H;
      return second.activeRequests < first.activeRequests ? second : first;
    },
  };
}

/** RANDOM takes no notice of weights (istio-semantics §3.3, recorded). */
export const randomly = <H>(hosts: readonly H[], { random }: PickerEnvironment): Picker<H> => ({
  pick: () => hosts[randomIndex(random, hosts.length)] as H,
});

const needsWeights = (hosts: readonly BalancedHost[], warmup: Warmup | undefined, nowMs: number): boolean =>
  hosts.length > 1 && (!haveEqualWeights(hosts) || isWarmingUp(hosts, warmup, nowMs));
