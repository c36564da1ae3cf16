import type { Socket } from 'node:net';
import type { Clock } from '../../kernel/clock.ts';
import type { Listener, TlsServer } from '../../table/model.ts';
import { indexServerNames, type ServerNames } from './chains.ts';
import type { ClientHello } from './client-hello.ts';
import type { Connections, DownstreamConnection } from './connection.ts';
import { LendingSocket } from './lending-socket.ts';
import type { DownstreamLimits } from './limits.ts';
import { readProxyHeader } from './proxy-protocol.ts';
import { readAhead, type Spoken, sniff } from './sniff.ts';
import { type OpenTcp, serveTcp } from './tcp.ts';
import type { Terminators } from './tls-terminators.ts';

/** Who speaks HTTP on a connection once it is known which. */
export interface Lanes {
  http1(connection: DownstreamConnection, side: Socket): void;
  http2(connection: DownstreamConnection, side: Socket): void;
}

export interface AcceptOptions {
  readonly connections: Connections;
  readonly terminators: Terminators;
  readonly lanes: Lanes;
  readonly openTcp: OpenTcp;
  /** Is it a load balancer whose PROXY header is believed? Asked of listeners that have the protocol. */
  readonly isLoadBalancer: (peerAddress: string) => boolean;
  readonly limits: DownstreamLimits;
  readonly clock: Clock;
}

/** A listener of the table, ready for connections. */
export interface BoundListener {
  readonly listener: Listener;
  readonly serverNames: ServerNames;
}

export const bindListener = (listener: Listener): BoundListener => ({
  listener,
  serverNames: indexServerNames(listener.tls),
});

/** Identities of the chains of a listener: a connection drains when the one it came by is gone. */
export const chainsOf = (listener: Listener): readonly string[] => [
  ...(listener.plaintext === undefined ? [] : [plaintextChain(listener)]),
  ...listener.tls.map((server) => server.id),
];

const NOTHING_READ: Buffer = Buffer.alloc(0);

const plaintextChain = (listener: Listener): string => `${listener.bind ?? ''}:${listener.port} plaintext`;

/** The way of one connection from its first byte to a lane (istio-semantics §0.1, step 1). */
export class Acceptor {
  readonly #options: AcceptOptions;

  constructor(options: AcceptOptions) {
    this.#options = options;
  }

  accept(accepted: Socket, bound: BoundListener): void {
    const { connections, clock, limits } = this.#options;
    const { listener } = bound;
    const socket =
      listener.plaintext?.kind === 'http' && listener.tls.length === 0 ? LendingSocket.over(accepted) : accepted;
    const deadlineMs = clock.monotonicMs() + limits.firstBytesTimeoutMs;
    const connection = connections.add(socket, listener.port, deadlineMs);
    if (connection === undefined) return;
    if (listener.proxyProtocol === true && this.#options.isLoadBalancer(connection.peerAddress))
      this.#behindLoadBalancer(connection, bound);
    else this.#begin(connection, bound);
  }

  /** Its header comes first, and stands for the addresses of the connection from there on. Nothing is served without one. */
  #behindLoadBalancer(connection: DownstreamConnection, bound: BoundListener): void {
    const { connections } = this.#options;
    const { socket } = connection;
    let begun = false;
    // A check of health that says nothing before it leaves has done nothing wrong.
    const closed = (): void => {
      if (begun) connections.badProxyHeaders += 1;
    };
    socket.once('close', closed);
    readAhead(
      socket,
      (bytes) => {
        begun = true;
        const header = readProxyHeader(bytes);
        return header.kind === 'incomplete' ? undefined : header;
      },
      (header, bytes) => {
        if (header.kind === 'invalid') {
          socket.destroy();
          return;
        }
        socket.removeListener('close', closed);
        if (header.ends !== undefined) connection.speaksFor(header.ends);
        this.#begin(connection, bound, bytes.subarray(header.length));
      },
    );
  }

  /** `read`: what has been read of it already. */
  #begin(connection: DownstreamConnection, bound: BoundListener, read = NOTHING_READ): void {
    const { listener } = bound;
    const { socket } = connection;
    // Some protocols let the server speak first: where nothing but TCP is served, nothing is waited for.
    if (listener.plaintext?.kind === 'tcp' && listener.tls.length === 0) {
      if (read.length > 0) socket.unshift(read);
      this.#plain(connection, listener, 'plain');
    } else sniff(socket, listener.tls.length > 0, (spoken) => this.#decide(connection, bound, spoken), read);
  }

  #decide(connection: DownstreamConnection, bound: BoundListener, spoken: Spoken): void {
    switch (spoken.kind) {
      case 'tls':
        this.#tls(connection, bound.serverNames.find(spoken.hello.serverName), spoken.hello);
        return;
      case 'unintelligible':
        this.#noChain(connection);
        return;
      case 'http2':
      case 'plain':
        this.#plain(connection, bound.listener, spoken.kind);
    }
  }

  /** Closed, and told as a raw connection that fits no rule, as Envoy does (`filter_chain_not_found`). */
  #noChain(connection: DownstreamConnection, serverName?: string): void {
    this.#options.connections.noChain += 1;
    const tls = serverName === undefined ? undefined : { serverName, client: undefined };
    this.#tcp(connection, connection.socket, undefined, tls);
  }

  #plain(connection: DownstreamConnection, listener: Listener, spoken: 'http2' | 'plain'): void {
    const { plaintext } = listener;
    if (plaintext === undefined) {
      this.#noChain(connection);
      return;
    }
    connection.chain = plaintextChain(listener);
    if (plaintext.kind === 'tcp') this.#tcp(connection, connection.socket, plaintext.route, undefined);
    else {
      connection.routeConfig = plaintext.routeConfig;
      this.#http(connection, connection.socket, spoken === 'http2');
    }
  }

  #tls(connection: DownstreamConnection, server: TlsServer | undefined, hello: ClientHello): void {
    if (server === undefined) {
      this.#noChain(connection, hello.serverName);
      return;
    }
    const { handling } = server;
    connection.chain = server.id;
    if (handling.kind === 'passthrough') {
      const tls = { serverName: hello.serverName, client: undefined };
      this.#tcp(connection, connection.socket, handling.route, tls);
      return;
    }
    const { connections, terminators, clock, limits } = this.#options;
    const terminator = terminators.get(server.id);
    if (terminator === undefined) {
      connections.failedHandshakes += 1;
      connection.socket.destroy();
      return;
    }
    connection.kind = 'handshaking';
    connection.deadlineMs = clock.monotonicMs() + limits.tlsHandshakeTimeoutMs;
    terminator.accept(connection.socket, hello, (side, facts) => {
      if (side === undefined) {
        connections.failedHandshakes += 1;
        return;
      }
      connection.tls = facts;
      connection.deadlineMs = clock.monotonicMs() + limits.firstBytesTimeoutMs;
      if (handling.kind === 'tcp') {
        this.#tcp(connection, side, handling.route, facts);
        return;
      }
      connection.routeConfig = handling.routeConfig;
      if (side.alpnProtocol === 'h2') this.#http(connection, side, true);
      else if (side.alpnProtocol === 'http/1.1') this.#http(connection, side, false);
      // Nothing was agreed on: what the client begins with decides (istio-semantics §1.1, ALPN).
      else sniff(side, false, (spoken) => this.#http(connection, side, spoken.kind === 'http2'));
    });
  }

  #http(connection: DownstreamConnection, side: Socket, http2: boolean): void {
    const { lanes } = this.#options;
    if (http2) lanes.http2(connection, side);
    else lanes.http1(connection, side);
    if (connection.draining) connection.life?.drain();
  }

  #tcp(
    connection: DownstreamConnection,
    side: Socket,
    route: Parameters<typeof serveTcp>[2],
    tls: DownstreamConnection['tls'],
  ): void {
    const { openTcp, limits, connections } = this.#options;
    serveTcp(connection, side, route, tls, {
      openTcp,
      idleTimeoutMs: limits.tunnelIdleTimeoutMs,
      onDone(bytesIn, bytesOut) {
        connections.tunnelBytesIn += bytesIn;
        connections.tunnelBytesOut += bytesOut;
      },
    });
  }
}
