import { changedStretch } from '../kernel/stretch.ts';
import type { Visibility } from '../table/index.ts';
import type { Entry } from './entry.ts';
import { sameElements } from './slot.ts';

/** Gateway name → the VirtualServices that name it and are seen here, in order of precedence. */
export type AttachmentIndex = ReadonlyMap<string, readonly Entry[]>;

const CLASSES: readonly Visibility[] = ['private', 'explicit', 'public'];

/** `all`: oldest first. Inside a class of visibility that order stays (istio-semantics §2.1). */
function indexByGateway(all: readonly Entry[]): AttachmentIndex {
  const index = new Map<string, Entry[]>();
  for (const visibility of CLASSES) {
    for (const entry of all) {
      if (entry.attachable.visibility !== visibility || entry.attachable.hosts.length === 0) continue;
      for (const gateway of entry.attachable.gateways) {
        const list = index.get(gateway);
        if (list === undefined) index.set(gateway, [entry]);
        else list.push(entry);
      }
    }
  }
  return index;
}

/** The index of each list; where the last one differs only in entries that stand at the same Gateways, most of it is kept. */
export function createAttachmentIndex(): (all: readonly Entry[]) => AttachmentIndex {
  let before: readonly Entry[] = [];
  let index: AttachmentIndex = new Map();
  return (all) => {
    const stretch = changedStretch(before, all);
    if (stretch !== undefined) {
      const gone = before.slice(stretch.from, stretch.toBefore);
      const come = all.slice(stretch.from, stretch.toNow);
      const inPlace = gone.length === come.length && gone.every((old, i) => standAlike(old, come[i] as Entry));
      index = inPlace ? withReplaced(index, gone, come) : indexByGateway(all);
    }
    before = all;
    return index;
  };
}

const standAlike = ({ attachable: a }: Entry, { attachable: b }: Entry): boolean =>
  a.visibility === b.visibility &&
  (a.hosts.length === 0) === (b.hosts.length === 0) &&
  sameElements(a.gateways, b.gateways);

function withReplaced(index: AttachmentIndex, gone: readonly Entry[], come: readonly Entry[]): AttachmentIndex {
  const now = new Map(index);
  for (const [i, old] of gone.entries()) {
    for (const gateway of old.attachable.gateways) {
      const list = now.get(gateway);
      const place = list?.indexOf(old) ?? -1;
      if (list !== undefined && place !== -1) now.set(gateway, list.with(place, come[i] as Entry));
    }
  }
  return now;
}
