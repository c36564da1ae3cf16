import type { Resource } from '../resources/index.ts';
import type { BuiltListeners } from './listeners.ts';
import type { Routing } from './routing.ts';
import { NOT_SERVED } from './served.ts';

/** VirtualServices that neither a virtual host nor a connection route comes from, nor a root that is served delegates to. */
function idleObjects({ entries, ruleSets, served }: Routing, { attached }: BuiltListeners): ReadonlySet<Resource> {
  if (!served.includes(NOT_SERVED)) return NONE;
  const delegates = new Set<Resource>();
  for (const [i, ruleSet] of ruleSets.entries()) {
    if (served[i] !== NOT_SERVED) for (const delegate of ruleSet.delegates) delegates.add(delegate);
  }
  const idle = entries.filter(
    ({ object }, i) => served[i] === NOT_SERVED && !attached.has(object) && !delegates.has(object),
  );
  return new Set(idle.map(({ object }) => object));
}

const NONE: ReadonlySet<Resource> = new Set();

/** The same set as long as it holds the same. */
export class IdleMemory {
  #last: ReadonlySet<Resource> = NONE;

  of(routing: Routing, listening: BuiltListeners): ReadonlySet<Resource> {
    const now = idleObjects(routing, listening);
    if (now.size !== this.#last.size || !now.isSubsetOf(this.#last)) this.#last = now;
    return this.#last;
  }
}
