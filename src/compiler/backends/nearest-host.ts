import { nearest } from '../../kernel/nearest.ts';
import type { Registry } from './registry.ts';

/** A host of that namespace that is spelt much like the one asked for: whoever mistypes one mostly means a neighbour. */
export function nearestHost(host: string, namespace: string, registry: Registry): string | undefined {
  const suffix = `.${namespace}.svc.`;
  const own = (name: string): string => name.split(suffix, 1)[0] ?? name;
  const neighbours = new Map<string, string>();
  for (const [name, services] of registry.visible) {
    if (services.some((service) => service.namespace === namespace)) neighbours.set(own(name), name);
  }
  const found = nearest(own(host), neighbours.keys());
  return found === undefined ? undefined : neighbours.get(found);
}
