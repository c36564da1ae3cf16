import { changedStretch, NOWHERE, replaceStretch } from '../kernel/stretch.ts';
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

/** All of a server. */
export interface ServerBindings {
  /** In order of precedence. */
  readonly entries: readonly Entry[];
  /** One for each of them. */
  readonly list: readonly Binding[];
}

export const NO_BINDINGS: ServerBindings = { entries: [], list: [] };

export interface BindingRequest {
  readonly server: ServerPlan;
  /** In order of precedence. */
  readonly entries: readonly Entry[];
  readonly translate: (entry: Entry) => Translation;
  /** Whose routes may be others than last time, although they are the same objects. */
  readonly unsettled: 'all' | 'delegating' | 'none';
}

/** Bindings in which nothing changed are the same objects as before. */
export function bindServer(request: BindingRequest, before: ServerBindings): ServerBindings {
  const { entries, unsettled } = request;
  const stretch = changedStretch(before.entries, entries) ?? NOWHERE;
  const known = new Map<Entry, Binding>();
  for (let i = stretch.from; i < stretch.toBefore; i++) {
    const binding = before.list[i] as Binding;
    known.set(binding.entry, binding);
  }
  const fresh = entries.slice(stretch.from, stretch.toNow).map((entry) => bind(request, entry, known.get(entry)));
  const list = replaceStretch(before.list, stretch, fresh);
  for (let i = 0; i < list.length && unsettled !== 'none'; i++) {
    const binding = list[i] as Binding;
    const isFresh = i >= stretch.from && i < stretch.toNow;
    if (!isFresh && (unsettled === 'all' || binding.entry.delegates)) list[i] = bind(request, binding.entry, binding);
  }
  return { entries, list: keepSame(list, before.list) };
}

function bind({ server, translate }: BindingRequest, entry: Entry, old: Binding | undefined): Binding {
  const domains = old?.domains ?? domainsAt(server, entry.attachable);
  const translation = domains.length === 0 ? undefined : usable(translate(entry));
  return old !== undefined && old.translation === translation ? old : { entry, domains, translation };
}

const usable = (translation: Translation): Translation | undefined =>
  translation.drafts.length === 0 ? undefined : translation;

/**
 * The domains of bindings that are not in both lists, each with those that are new there; what is in both has kept its
 * order, which the objects themselves decide.
 */
export function changedDomains(
  before: readonly Binding[],
  now: readonly Binding[],
  into: Map<string, readonly Binding[]>,
): void {
  const stretch = changedStretch(before, now);
  if (stretch === undefined) return;
  const gone = new Set(before.slice(stretch.from, stretch.toBefore));
  for (const binding of now.slice(stretch.from, stretch.toNow)) {
    if (gone.delete(binding)) continue;
    for (const domain of binding.domains) into.set(domain, [...(into.get(domain) ?? []), binding]);
  }
  for (const { domains } of gone) for (const domain of domains) into.set(domain, into.get(domain) ?? []);
}
