import { EdfPicker } from './edf.ts';
import type { BalancedHost, Picker, PickerEnvironment } from './picker.ts';
import { isEnough } from './priorities.ts';

interface Place<H> {
  readonly weight: number;
  readonly picker: Picker<H>;
}

/**
 * First a locality by its weight, then a host of it: Envoy's locality-weighted balancing (istio-semantics §3.3). A locality
 * keeps all of its weight as long as enough of its hosts are usable, and below that loses in proportion.
 */
export function localityFirst<H extends BalancedHost>(
  all: readonly H[],
  createPicker: (hosts: readonly H[], locality: string) => Picker<H>,
  environment: PickerEnvironment,
): Picker<H> {
  const places: Place<H>[] = [];
  for (const [locality, hosts] of Map.groupBy(all, (host) => host.locality)) {
    const usable = hosts.filter((host) => host.usable);
    if (usable.length === 0) continue;
    const weight = totalWeight(hosts) * isEnough(usable.length, hosts.length);
    places.push({ weight, picker: createPicker(usable, locality) });
  }
  const [only] = places;
  if (places.length === 1 && only !== undefined) return only.picker;
  const turns = new EdfPicker(places, ({ weight }) => weight, environment);
  return { pick: (hash, attempt) => turns.pick().picker.pick(hash, attempt) };
}

/** What consistent hashing goes by where localities are weighted: the hosts of each share all of its weight, however few are left. */
export function sharingLocalities<H extends BalancedHost>(
  all: readonly H[],
  createPicker: (hosts: readonly Sharing<H>[]) => Picker<Sharing<H>>,
): Picker<H> {
  const hosts = [...Map.groupBy(all, (host) => host.locality).values()].flatMap((local) => {
    const usable = local.filter((host) => host.usable);
    const scale = totalWeight(local) / totalWeight(usable);
    return usable.map((host) => ({ host, key: host.key, weight: host.weight * scale }));
  });
  const picker = createPicker(hosts);
  return { pick: (hash, attempt) => picker.pick(hash, attempt).host };
}

interface Sharing<H> {
  readonly host: H;
  readonly key: string;
  readonly weight: number;
}

const totalWeight = (hosts: readonly BalancedHost[]): number => hosts.reduce((sum, { weight }) => sum + weight, 0);
