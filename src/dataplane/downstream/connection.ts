import type { Socket } from 'node:net';
import type { TlsFacts } from '../../contract/exchange.ts';

export type ConnectionKind = 'sniffing' | 'handshaking' | 'http1' | 'http2' | 'tcp';

/** Whoever speaks on a connection, once it is known what is spoken. */
export interface ConnectionLife {
  /** Finish what is under way, take nothing new, then close. */
  drain(): void;
  /** Called every now and then, monotonic time: whatever waits too long ends here. No timer per request. */
  sweep(nowMs: number): void;
}

/**
 * One accepted connection. What it met when it came — listener, chain, route configuration — stays with it to its
 * end, whatever later tables say: a changed chain concerns new connections alone.
 */
export class DownstreamConnection {
  readonly socket: Socket;
  readonly peerAddress: string;
  readonly peerPort: number;
  readonly localAddress: string;
  readonly localPort: number;
  /** The Gateway's own port number. */
  readonly listenerPort: number;
  kind: ConnectionKind = 'sniffing';
  /** Identity of the chain it came by, once chosen: when that leaves the table, the connection drains. */
  chain: string | undefined;
  routeConfig = '';
  tls: TlsFacts | undefined;
  draining = false;
  /** Monotonic; while nobody speaks on it yet. */
  deadlineMs: number;
  life: ConnectionLife | undefined;

  constructor(socket: Socket, listenerPort: number, deadlineMs: number) {
    this.socket = socket;
    this.peerAddress = plain(socket.remoteAddress ?? '');
    this.peerPort = socket.remotePort ?? 0;
    this.localAddress = plain(socket.localAddress ?? '');
    this.localPort = socket.localPort ?? 0;
    this.listenerPort = listenerPort;
    this.deadlineMs = deadlineMs;
  }

  /** `silentUntilMs`: how long a connection that has not spoken yet may go on being silent. */
  drain(silentUntilMs: number): void {
    if (this.draining) return;
    this.draining = true;
    if (this.life === undefined) this.deadlineMs = Math.min(this.deadlineMs, silentUntilMs);
    else this.life.drain();
  }

  sweep(nowMs: number): void {
    if (this.life !== undefined) this.life.sweep(nowMs);
    else if (nowMs >= this.deadlineMs) this.socket.destroy();
  }
}

/** `::ffff:192.0.2.1` is an IPv4 peer of a dual-stack socket; a zone says something to this machine only (edge-security S-07). */
function plain(address: string): string {
  const bare = address.includes('%') ? address.slice(0, address.indexOf('%')) : address;
  return /^::ffff:\d+\.\d+\.\d+\.\d+$/i.test(bare) ? bare.slice(7) : bare;
}

export interface ConnectionCounters {
  readonly open: number;
  readonly byKind: Readonly<Record<ConnectionKind, number>>;
  readonly accepted: number;
  /** Closed at once, because there were too many. */
  readonly refused: number;
  /** TLS names that no chain has, and plain bytes where only TLS is spoken (`filter_chain_not_found`). */
  readonly noChain: number;
  readonly failedHandshakes: number;
  /** Bytes of `tcp` and passthrough connections that have ended. */
  readonly tunnelBytesIn: number;
  readonly tunnelBytesOut: number;
}

/** All connections that are open now, and what became of those that never came so far. */
export class Connections {
  readonly #open = new Set<DownstreamConnection>();
  readonly #max: number;
  #emptied: (() => void)[] = [];
  accepted = 0;
  refused = 0;
  noChain = 0;
  failedHandshakes = 0;
  tunnelBytesIn = 0;
  tunnelBytesOut = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#open.size;
  }

  /** undefined: one too many; the socket is closed. */
  add(socket: Socket, listenerPort: number, deadlineMs: number): DownstreamConnection | undefined {
    // A socket may die before anybody listens; an error without a listener would take the process with it.
    socket.on('error', () => socket.destroy());
    if (this.#open.size >= this.#max) {
      this.refused += 1;
      socket.destroy();
      return undefined;
    }
    this.accepted += 1;
    const connection = new DownstreamConnection(socket, listenerPort, deadlineMs);
    this.#open.add(connection);
    socket.once('close', () => this.#remove(connection));
    return connection;
  }

  #remove(connection: DownstreamConnection): void {
    this.#open.delete(connection);
    if (this.#open.size > 0) return;
    const waiting = this.#emptied;
    this.#emptied = [];
    for (const done of waiting) done();
  }

  sweep(nowMs: number): void {
    for (const connection of this.#open) connection.sweep(nowMs);
  }

  drain(silentUntilMs: number, which: (connection: DownstreamConnection) => boolean): readonly DownstreamConnection[] {
    const chosen = [...this.#open].filter(which);
    for (const connection of chosen) connection.drain(silentUntilMs);
    return chosen;
  }

  destroyAll(): void {
    for (const connection of this.#open) connection.socket.destroy();
  }

  /** Resolves when none is left, or when the time is over. */
  async emptied(withinMs: number): Promise<void> {
    if (this.#open.size === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, withinMs);
      this.#emptied.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  counters(): ConnectionCounters {
    const byKind: Record<ConnectionKind, number> = { sniffing: 0, handshaking: 0, http1: 0, http2: 0, tcp: 0 };
    for (const connection of this.#open) byKind[connection.kind] += 1;
    const { accepted, refused, noChain, failedHandshakes, tunnelBytesIn, tunnelBytesOut } = this;
    const open = this.#open.size;
    return { open, byKind, accepted, refused, noChain, failedHandshakes, tunnelBytesIn, tunnelBytesOut };
  }
}
