import { domainsAt } from './attach.ts';
import type { Entry } from './entry.ts';
import type { ServerPlan } from './from-gateway.ts';
import { keepSame } from './slot.ts';
import type { Translation } from './translation.ts';

/** Where a VirtualService that names a Gateway meets one of its servers. */
export interface Binding {
  readonly entry: Entry;
  readonly domains: readonly string[];
  /** undefined: it has no domain there, or no route for that server, and then it does not count at all (istio-semantics §1.2 no. 5). */
  readonly translation: Translation | undefined;
}

/** `entries` are in order of precedence. Bindings in which nothing changed are the same objects as before. */
export function bindServer(
  server: ServerPlan,
  entries: readonly Entry[],
  translate: (entry: Entry) => Translation,
  before: readonly Binding[],
): readonly Binding[] {
  let known: Map<Entry, Binding> | undefined;
  const bindings = entries.map((entry, i) => {
    let old = before[i];
    if (old !== undefined && old.entry !== entry) {
      known ??= new Map(before.map((binding) => [binding.entry, binding]));
      old = known.get(entry);
    }
    const domains = old?.domains ?? domainsAt(server, entry.attachable);
    const translation = domains.length === 0 ? undefined : usable(translate(entry));
    return old !== undefined && old.translation === translation ? old : { entry, domains, translation };
  });
  return keepSame(bindings, before);
}

const usable = (translation: Translation): Translation | undefined =>
  translation.drafts.length === 0 ? undefined : translation;

/** The domains of bindings that are not in both lists; what is in both has kept its order, which the objects themselves decide. */
export function changedDomains(before: readonly Binding[], now: readonly Binding[], into: Set<string>): void {
  if (before === now) return;
  const gone = new Set(before.filter((binding, i) => binding !== now[i]));
  for (const [i, binding] of now.entries()) {
    if (binding === before[i] || gone.delete(binding)) continue;
    for (const domain of binding.domains) into.add(domain);
  }
  for (const { domains } of gone) for (const domain of domains) into.add(domain);
}
