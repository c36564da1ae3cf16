import type { Socket } from 'node:net';
import type { TlsFacts } from '../../contract/exchange.ts';
import { plainAddress } from './plain-address.ts';
import type { ProxiedEnds } from './proxy-protocol.ts';

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
  /** The other end of the connection itself. */
  readonly peerAddress: string;
  readonly peerPort: number;
  /** Whom it speaks for: the peer, or the client of a load balancer that says so (`speaksFor`). */
  remoteAddress: string;
  remotePort: number;
  /** Where the former came to: our end, or the load balancer's. */
  localAddress: string;
  localPort: number;
  /** The Gateway's own port number. */
  readonly listenerPort: number;
  /** What policies take for it: the port that the client of a load balancer came to (istio-semantics §6.2, `destination.port`). */
  destinationPort: number;
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
    this.peerAddress = plainAddress(socket.remoteAddress ?? '');
    this.peerPort = socket.remotePort ?? 0;
    this.remoteAddress = this.peerAddress;
    this.remotePort = this.peerPort;
    this.localAddress = plainAddress(socket.localAddress ?? '');
    this.localPort = socket.localPort ?? 0;
    this.listenerPort = listenerPort;
    this.destinationPort = listenerPort;
    this.deadlineMs = deadlineMs;
  }

  /** As Envoy's downstream addresses, of which the direct remote one alone stays (istio-semantics §6.2, `source.ip`). */
  speaksFor(ends: ProxiedEnds): void {
    this.remoteAddress = ends.sourceAddress;
    this.remotePort = ends.sourcePort;
    this.localAddress = ends.destinationAddress;
    this.localPort = ends.destinationPort;
    this.destinationPort = ends.destinationPort;
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

export interface ConnectionCounters {
  readonly open: number;
  readonly byKind: Readonly<Record<ConnectionKind, number>>;
  readonly accepted: number;
  /** Closed at once, because there were too many. */
  readonly refused: number;
  /** TLS names that no chain has, and plain bytes where only TLS is spoken (`filter_chain_not_found`). */
  readonly noChain: number;
  readonly failedHandshakes: number;
  /** Closed because what they began with was no header of the PROXY protocol, or only a part of one. */
  readonly badProxyHeaders: number;
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
  badProxyHeaders = 0;
  tunnelBytesIn = 0;
  tunnelBytesOut = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#open.size;
  }

  /** undefined: one too many, or nobody's; the socket is closed. */
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
    // Reset before it was looked at, it has lost its address, but not what was said on it: no policy could tell whose that is.
    if (connection.peerAddress === '') {
      socket.destroy();
      return undefined;
    }
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
    const { accepted, refused, noChain, failedHandshakes, badProxyHeaders, tunnelBytesIn, tunnelBytesOut } = this;
    const open = this.#open.size;
    return {
      open,
      byKind,
      accepted,
      refused,
      noChain,
      failedHandshakes,
      badProxyHeaders,
      tunnelBytesIn,
      tunnelBytesOut,
    };
  }
}
