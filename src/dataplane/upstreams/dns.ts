import dns from 'node:dns';
import { isIP } from 'node:net';
import os from 'node:os';

export interface DnsOptions {
  /** `address` or `address:port`; default: what the machine is configured with. */
  readonly servers?: readonly string[] | undefined;
  /** For `localhost` and names that DNS does not know: the machine's own files. */
  readonly lookup?: ((name: string) => Promise<readonly string[]>) | undefined;
  /** Are IPv6 addresses of names that also have IPv4 ones used? `when-routed`: if this machine has one that leads anywhere. */
  readonly ipv6?: 'always' | 'when-routed' | undefined;
  /** Whatever the TTL says, a name is asked for no more often than this. Default 1 s. */
  readonly minimumRefreshMs?: number | undefined;
}

export interface NameWatch {
  /** In the order of the answer; undefined: none has come yet. */
  addresses(): readonly string[] | undefined;
  /** The first answer, or the first failure. */
  readonly settled: Promise<void>;
  close(): void;
}

const MINIMUM_REFRESH_MS = 1_000;
const MAXIMUM_REFRESH_MS = 300_000;
/** After a failure: twice the time with each, up to this (Istio's dnsRefreshRate, istio-semantics §4). */
const LONGEST_RETRY_MS = 60_000;
/** More addresses behind one name are an attack or a mistake. */
const MAX_ADDRESSES = 1_000;
/** For what the files of the machine say; they have no TTL. */
const LOOKUP_REFRESH_MS = 30_000;

interface Answer {
  readonly addresses: readonly string[];
  readonly ttlMs: number;
}

/** Names that are watched: asked again when their TTL ends, one query at a time, and the last good answer kept while none comes. */
export class NameResolver {
  readonly #options: DnsOptions;
  readonly #resolver = new dns.promises.Resolver({ timeout: 2_000, tries: 2 });
  readonly #names = new Map<string, WatchedName>();

  constructor(options: DnsOptions = {}) {
    this.#options = options;
    if (options.servers !== undefined) this.#resolver.setServers(options.servers);
  }

  /** `onChange` is called whenever the addresses are others than before. */
  watch(name: string, onChange: () => void): NameWatch {
    let watched = this.#names.get(name);
    if (watched === undefined) {
      const minimum = this.#options.minimumRefreshMs ?? MINIMUM_REFRESH_MS;
      watched = new WatchedName(() => this.#resolve(name), minimum);
      this.#names.set(name, watched);
    }
    const entry = watched;
    entry.listeners.add(onChange);
    return {
      addresses: () => entry.addresses,
      settled: entry.settled,
      close: () => {
        entry.listeners.delete(onChange);
        if (entry.listeners.size > 0 || this.#names.get(name) !== entry) return;
        entry.stop();
        this.#names.delete(name);
      },
    };
  }

  close(): void {
    for (const entry of this.#names.values()) entry.stop();
    this.#names.clear();
    this.#resolver.cancel();
  }

  async #resolve(name: string): Promise<Answer> {
    if (isIP(name) !== 0) return { addresses: [name], ttlMs: MAXIMUM_REFRESH_MS };
    // No dot: never a name of the public tree; `localhost` must not leave the machine (RFC 6761 §6.3).
    if (!name.includes('.') || name.endsWith('.localhost')) return await this.#lookup(name);
    const wantIpv6 = this.#options.ipv6 === 'always' || hasIpv6();
    const [four, six] = await Promise.allSettled([
      this.#resolver.resolve4(name, { ttl: true }),
      wantIpv6 ? this.#resolver.resolve6(name, { ttl: true }) : [],
    ]);
    const records = [
      ...(four.status === 'fulfilled' ? four.value : []),
      ...(six.status === 'fulfilled' ? six.value : []),
    ];
    if (records.length > 0) return answer(records);
    if (!wantIpv6) {
      const only = await this.#resolver.resolve6(name, { ttl: true }).catch(() => []);
      if (only.length > 0) return answer(only);
    }
    const reason = four.status === 'rejected' ? (four.reason as NodeJS.ErrnoException) : undefined;
    if (reason?.code === 'ENOTFOUND' || reason?.code === 'ENODATA') return await this.#lookup(name);
    throw reason ?? new Error(`${name} has no address`);
  }

  async #lookup(name: string): Promise<Answer> {
    const lookup = this.#options.lookup ?? systemLookup;
    const addresses = await lookup(name);
    if (addresses.length === 0) throw new Error(`${name} has no address`);
    // One machine by several families is one endpoint, and most servers on it listen by IPv4.
    const four = addresses.filter((address) => isIP(address) === 4);
    return { addresses: four.length > 0 ? four : addresses, ttlMs: LOOKUP_REFRESH_MS };
  }
}

class WatchedName {
  readonly listeners = new Set<() => void>();
  readonly settled: Promise<void>;
  addresses: readonly string[] | undefined;
  readonly #resolve: () => Promise<Answer>;
  readonly #minimumRefreshMs: number;
  #timer: NodeJS.Timeout | undefined;
  #failures = 0;
  #stopped = false;

  constructor(resolve: () => Promise<Answer>, minimumRefreshMs: number) {
    this.#resolve = resolve;
    this.#minimumRefreshMs = minimumRefreshMs;
    this.settled = this.#refresh();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  async #refresh(): Promise<void> {
    let waitMs: number;
    try {
      const { addresses, ttlMs } = await this.#resolve();
      this.#failures = 0;
      waitMs = Math.min(Math.max(ttlMs, this.#minimumRefreshMs), MAXIMUM_REFRESH_MS);
      if (!this.#stopped) this.#publish(addresses);
    } catch {
      waitMs = Math.min(this.#minimumRefreshMs * 2 ** Math.min(this.#failures++, 10), LONGEST_RETRY_MS);
    }
    if (this.#stopped) return;
    this.#timer = setTimeout(() => void this.#refresh(), waitMs);
    this.#timer.unref();
  }

  #publish(addresses: readonly string[]): void {
    const before = this.addresses;
    if (before !== undefined && before.length === addresses.length && before.every((one, i) => one === addresses[i]))
      return;
    this.addresses = addresses;
    for (const listener of this.listeners) listener();
  }
}

function answer(records: readonly dns.RecordWithTtl[]): Answer {
  const addresses = [...new Set(records.map((record) => record.address))].slice(0, MAX_ADDRESSES);
  return { addresses, ttlMs: Math.min(...records.map((record) => record.ttl)) * 1_000 };
}

async function systemLookup(name: string): Promise<readonly string[]> {
  const found = await dns.promises.lookup(name, { all: true });
  return found.map((entry) => entry.address);
}

/** An IPv6 address that leads beyond the link: without one, half of the endpoints of a name could not be reached. */
function hasIpv6(): boolean {
  return Object.values(os.networkInterfaces()).some((entries) =>
    entries?.some((entry) => entry.family === 'IPv6' && !entry.internal && !/^fe[89ab]/i.test(entry.address)),
  );
}
