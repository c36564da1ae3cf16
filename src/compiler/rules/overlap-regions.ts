import { bindRegex, isCatchAll, lowerAscii, type Route, toBytes } from '../../table/index.ts';

/** Where a route's requests are to be found. */
export interface PathKey {
  readonly route: Route;
  /** What its path surely begins with, in lower case. */
  readonly key: string;
  /** Its path is nothing but the key. */
  readonly exact: boolean;
  readonly isCatchAll: boolean;
}

export function pathKeyOf(route: Route): PathKey {
  const { path } = route.match;
  const catchAll = isCatchAll(route.match);
  switch (path.kind) {
    case 'any':
      return { route, key: '', exact: false, isCatchAll: catchAll };
    case 'regex':
      return { route, key: lowerAscii(bindRegex(path.value).prefix.text), exact: false, isCatchAll: catchAll };
    case 'exact':
    case 'prefix':
      return { route, key: lowerAscii(toBytes(path.value)), exact: path.kind === 'exact', isCatchAll: catchAll };
  }
}

/** Routes of one host that may have to do with each other, in order of precedence. */
export interface Region {
  /** What all paths of `own` begin with; tells the region from others of the host. */
  readonly prefix: string;
  /** Those that are looked at here: each of them is in one region only. */
  readonly own: readonly Route[];
  /** With those of other regions whose paths may meet paths of `own`. */
  readonly routes: readonly Route[];
}

/** Fewer are one region, whatever their paths. */
const SMALL = 200;

/**
 * Parts of a host that have nothing to do with each other: two routes meet only where the beginning that one asks for
 * begins as the other's does. So an edit makes one small part be looked at anew, however many teams share the host.
 * `all`: in order of precedence.
 */
export function regionsOf(all: readonly PathKey[]): readonly Region[] {
  const regions: Region[] = [];
  if (all.length > 0) new Splitter(all, regions).split([...all.keys()], []);
  return regions;
}

/** Works with places in the list, so that order is never lost. */
class Splitter {
  readonly #all: readonly PathKey[];
  readonly #regions: Region[];

  constructor(all: readonly PathKey[], regions: Region[]) {
    this.#all = all;
    this.#regions = regions;
  }

  split(members: readonly number[], outer: readonly number[]): void {
    const prefix = this.#commonPrefix(members);
    const meeting = outer.filter((at) => {
      const { key, exact } = this.#at(at);
      return exact ? key.startsWith(prefix) : prefix.startsWith(key);
    });
    if (members.length <= SMALL) {
      this.#add(prefix, members, meeting);
      return;
    }
    const here: number[] = [];
    const deeper = new Map<number, number[]>();
    for (const at of members) {
      const { key } = this.#at(at);
      if (key.length === prefix.length) here.push(at);
      else pushTo(deeper, key.charCodeAt(prefix.length), at);
    }
    if (here.length > 0) this.#add(prefix, here, meeting);
    const open = [...meeting, ...here.filter((at) => !this.#at(at).exact)];
    for (const group of deeper.values()) this.split(group, open);
  }

  #at(place: number): PathKey {
    return this.#all[place] as PathKey;
  }

  #add(prefix: string, own: readonly number[], meeting: readonly number[]): void {
    const together = meeting.length === 0 ? own : [...own, ...meeting].sort((a, b) => a - b);
    const routesAt = (places: readonly number[]): readonly Route[] => places.map((at) => this.#at(at).route);
    const mine = routesAt(own);
    this.#regions.push({ prefix, own: mine, routes: together === own ? mine : routesAt(together) });
  }

  #commonPrefix(members: readonly number[]): string {
    let prefix = this.#at(members[0] ?? 0).key;
    for (const at of members) {
      const { key } = this.#at(at);
      while (!key.startsWith(prefix)) prefix = prefix.slice(0, -1);
    }
    return prefix;
  }
}

function pushTo(groups: Map<number, number[]>, group: number, value: number): void {
  const known = groups.get(group);
  if (known === undefined) groups.set(group, [value]);
  else known.push(value);
}
