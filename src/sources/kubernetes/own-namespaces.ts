import type { Watched } from './watched.ts';

export interface NamespaceChoice {
  readonly gatewayNamespace: string;
  /** Labels that a namespace must have for its objects to count; undefined: all count. */
  readonly namespaceSelector?: string | undefined;
  /** Namespaces that count in any case; the gateway's own does. */
  readonly ownNamespaces?: readonly string[];
}

/** Whose objects count. */
export class OwnNamespaces {
  readonly #choice: NamespaceChoice;
  #allowed: ReadonlySet<string> | undefined;

  constructor(choice: NamespaceChoice) {
    this.#choice = choice;
  }

  accepts(namespace: string): boolean {
    const { gatewayNamespace, ownNamespaces = [], namespaceSelector } = this.#choice;
    if (namespaceSelector === undefined || namespace === gatewayNamespace || ownNamespaces.includes(namespace))
      return true;
    return this.#allowed?.has(namespace) ?? true;
  }

  /** The kind Namespace has changed: what does not count any more goes, what counts now is read. */
  changed({ store }: Watched, kinds: Iterable<Watched>): void {
    const before = this.#allowed;
    this.#allowed = new Set(store.resources().map(({ meta }) => meta.name));
    const isNew = [...this.#allowed].some((namespace) => before !== undefined && !before.has(namespace));
    for (const watched of kinds) {
      if (watched.store === store) continue;
      watched.store.purge();
      if (isNew) watched.reflector?.relist();
    }
  }
}
