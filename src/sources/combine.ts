import { type Diagnostic, formatPlace } from '../diagnostics/diagnostic.ts';
import { report } from '../diagnostics/report.ts';
import type { Resource, ResourceKind } from '../resources/kinds.ts';
import { KINDS } from '../resources/registry.ts';
import { type ResourceSet, resourceSet } from '../resources/set.ts';
import type { OnChange, ResourceSource, SourceSnapshot } from './source.ts';

/**
 * Several sources as one. Of two objects of one kind, namespace and name the first source's is applied: what an
 * operator mounts into the gateway is not to be replaced from a cluster.
 */
export function combinedSource<S extends ResourceSource>(sources: readonly S[]): ResourceSource {
  const [only] = sources;
  return sources.length === 1 && only !== undefined ? only : new Combined(sources);
}

export function combineSnapshots(snapshots: readonly SourceSnapshot[], previous?: ResourceSet): SourceSnapshot {
  const [only] = snapshots;
  if (snapshots.length === 1 && only !== undefined) return only;
  const objects: Resource[] = [];
  const duplicates: Diagnostic[] = [];
  for (const kind of Object.keys(KINDS) as ResourceKind[]) {
    for (const [index, { resources }] of snapshots.entries()) {
      for (const object of resources.ofKind(kind)) {
        const winner = holderOf(object, snapshots.slice(0, index));
        if (winner === undefined) objects.push(object);
        else duplicates.push(duplicate(object, winner));
      }
    }
  }
  return {
    resources: resourceSet(objects, previous),
    diagnostics: [...snapshots.flatMap(({ diagnostics }) => diagnostics), ...duplicates],
    frozen: snapshots.flatMap(({ frozen }) => frozen),
  };
}

const holderOf = ({ kind, meta }: Resource, before: readonly SourceSnapshot[]): Resource | undefined => {
  for (const { resources } of before) {
    const object = resources.get(kind, meta.namespace, meta.name);
    if (object !== undefined) return object;
  }
  return undefined;
};

function duplicate(loser: Resource, winner: Resource): Diagnostic {
  const place = winner.origin.locate(['metadata', 'name']);
  return report('duplicate-object', {
    message: `${loser.kind} ${loser.meta.name} is also defined in ${formatPlace(place)}, which is the one applied`,
    object: loser.ref,
    field: ['metadata', 'name'],
    location: loser.origin.locate(['metadata', 'name']),
    refused: true,
    related: [{ message: 'this one is applied', object: winner.ref, location: place }],
  });
}

class Combined implements ResourceSource {
  readonly #sources: readonly ResourceSource[];
  readonly #latest: (SourceSnapshot | undefined)[];
  #resources: ResourceSet | undefined;
  #started = false;

  constructor(sources: readonly ResourceSource[]) {
    this.#sources = sources;
    this.#latest = sources.map(() => undefined);
  }

  /** Whole when every source is. */
  async start(onChange: OnChange): Promise<SourceSnapshot> {
    await Promise.all(
      this.#sources.map(async (source, index) => {
        const first = await source.start((snapshot, seenAtMs) => {
          this.#latest[index] = snapshot;
          if (this.#started) onChange(this.#combine(), seenAtMs);
        });
        this.#latest[index] ??= first;
      }),
    );
    this.#started = true;
    return this.#combine();
  }

  async close(): Promise<void> {
    await Promise.all(this.#sources.map((source) => source.close()));
  }

  #combine(): SourceSnapshot {
    const known = this.#latest.filter((snapshot) => snapshot !== undefined);
    const combined = combineSnapshots(known, this.#resources);
    this.#resources = combined.resources;
    return combined;
  }
}
