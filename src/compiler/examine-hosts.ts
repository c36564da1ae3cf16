import type { Diagnostic } from '../diagnostics/index.ts';
import { changedStretch, NOWHERE, replaceStretch } from '../kernel/stretch.ts';
import { nameSubsetOf } from '../table/index.ts';
import type { CompileOptions } from './compilation.ts';
import { NO_FINDINGS } from './entry-findings.ts';
import type { BuiltHost, BuiltRouteConfig } from './virtual-hosts.ts';

type Lists = readonly (readonly Diagnostic[])[];

interface Examined {
  readonly built: BuiltRouteConfig;
  /** One for each host. */
  readonly lists: Lists;
}

/** Asks about those hosts alone that are others than last time, and wildcards again when domains come or go. */
export class HostExaminer {
  readonly #options: CompileOptions;
  #last: ReadonlyMap<string, Examined> = new Map();

  constructor(options: CompileOptions) {
    this.#options = options;
  }

  /** Those lists that are not empty, in the order of configs and hosts. */
  examine(routeConfigs: readonly BuiltRouteConfig[]): Lists {
    const now = new Map<string, Examined>();
    for (const built of routeConfigs) {
      const { name } = built.config;
      now.set(name, { built, lists: this.#listsOf(built, this.#last.get(name)) });
    }
    this.#last = now;
    return [...now.values()].flatMap(({ lists }) => lists.filter((list) => list !== NO_FINDINGS));
  }

  #listsOf(built: BuiltRouteConfig, last: Examined | undefined): Lists {
    const { hosts, domains } = built;
    const before = last?.built;
    if (before?.hosts === hosts && before.domains === domains) return last?.lists ?? [];
    const stretch = changedStretch(before?.hosts ?? [], hosts) ?? NOWHERE;
    const known = new Map<BuiltHost, readonly Diagnostic[]>();
    for (let i = stretch.from; i < stretch.toBefore; i++)
      known.set(before?.hosts[i] as BuiltHost, last?.lists[i] ?? NO_FINDINGS);
    const fresh = hosts.slice(stretch.from, stretch.toNow).map((host) => known.get(host) ?? this.#find(host, built));
    const lists = replaceStretch(last?.lists ?? [], stretch, fresh);
    if (domains === before?.domains) return lists;
    return lists.map((list, i) =>
      domains[i]?.startsWith('*') === true ? this.#find(hosts[i] as BuiltHost, built) : list,
    );
  }

  #find(built: BuiltHost, { config, domains }: BuiltRouteConfig): readonly Diagnostic[] {
    const { domain } = built.host;
    const scheme = config.name.startsWith('https.') ? 'https' : 'http';
    const narrower = domain.startsWith('*')
      ? domains.filter((other) => other !== domain && nameSubsetOf(other, domain))
      : [];
    const overlaps = built.overlaps.find(built, { narrower, scheme, options: this.#options });
    if (built.diagnostics.length + overlaps.length === 0) return NO_FINDINGS;
    return [...built.diagnostics, ...overlaps];
  }
}
