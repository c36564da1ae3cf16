import type { Socket } from 'node:net';
import type { TlsFacts } from '../../contract/exchange.ts';
import type { TcpRoute } from '../../table/model.ts';
import type { Tunnel } from '../stream.ts';
import { splice } from '../tunnel.ts';
import type { ConnectionLife, DownstreamConnection } from './connection.ts';

/** Who asks for a TCP connection. */
export interface TcpClient {
  readonly peerAddress: string;
  readonly localAddress: string;
  readonly listenerPort: number;
  /** undefined: it speaks no TLS that was looked at. */
  readonly tls: TlsFacts | undefined;
}

/** Connects to where the route leads; undefined: nowhere, and the client's connection is closed (istio-semantics §2.13). */
export type OpenTcp = (route: TcpRoute, client: TcpClient) => Promise<Tunnel | undefined>;

/**
 * A socket as a tunnel. It is not read before somebody wants its bytes: `onData` set, or `resume`. What was read ahead
 * was put back into the socket by whoever read it.
 */
export class SocketTunnel implements Tunnel {
  readonly #socket: Socket;
  #onData: ((chunk: Uint8Array) => void) | undefined;
  #onClose: (() => void) | undefined;
  #reading = false;
  onDrain: (() => void) | undefined;
  onEnd: (() => void) | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('drain', () => this.onDrain?.());
    socket.on('end', () => this.onEnd?.());
    socket.on('error', () => socket.destroy());
    socket.once('close', () => this.#onClose?.());
  }

  get onData(): ((chunk: Uint8Array) => void) | undefined {
    return this.#onData;
  }

  set onData(callback: ((chunk: Uint8Array) => void) | undefined) {
    this.#onData = callback;
    if (callback !== undefined) this.#read();
  }

  get onClose(): (() => void) | undefined {
    return this.#onClose;
  }

  /** Told also when it has closed already. */
  set onClose(callback: (() => void) | undefined) {
    this.#onClose = callback;
    if (this.#socket.closed) process.nextTick(() => this.#onClose?.());
  }

  write(chunk: Uint8Array): boolean {
    return this.#socket.writable ? this.#socket.write(chunk) : true;
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#read();
    this.#socket.resume();
  }

  #read(): void {
    if (this.#reading) return;
    this.#reading = true;
    this.#socket.on('data', (chunk: Buffer) => this.#onData?.(chunk));
  }
}

/** Ends a tunnel that carried no byte either way for too long (istio-semantics §7.3), or that lasted too long. */
export class TunnelLife implements ConnectionLife {
  readonly #socket: Socket;
  readonly #idleTimeoutMs: number;
  readonly #maxDurationMs: number;
  #bytes = -1;
  #since = 0;
  #startedMs: number | undefined;

  constructor(socket: Socket, idleTimeoutMs: number, maxDurationMs = Number.POSITIVE_INFINITY) {
    this.#socket = socket;
    this.#idleTimeoutMs = idleTimeoutMs;
    this.#maxDurationMs = maxDurationMs;
  }

  /** Raw bytes have no point at which one could say goodbye; the end of the grace does it. */
  drain(): void {}

  sweep(nowMs: number): void {
    const bytes = this.#socket.bytesRead + this.#socket.bytesWritten;
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#since = nowMs;
    } else if (nowMs - this.#since >= this.#idleTimeoutMs) this.#socket.destroy();
    this.#startedMs ??= nowMs;
    if (nowMs - this.#startedMs >= this.#maxDurationMs) this.#socket.destroy();
  }
}

export interface TcpOptions {
  readonly openTcp: OpenTcp;
  readonly idleTimeoutMs: number;
  /** With the bytes from and to the client, once a tunnel has ended. */
  readonly onDone: (bytesIn: number, bytesOut: number) => void;
}

/** The raw lane: what the client sends, decrypted where the chain ends TLS, goes to the route's destination as it is. */
export function serveTcp(
  connection: DownstreamConnection,
  side: Socket,
  route: TcpRoute | undefined,
  tls: TlsFacts | undefined,
  options: TcpOptions,
): void {
  connection.kind = 'tcp';
  const idleTimeoutMs = route?.idleTimeoutMs ?? options.idleTimeoutMs;
  connection.life = new TunnelLife(side, idleTimeoutMs || Number.POSITIVE_INFINITY, route?.maxDurationMs);
  if (route === undefined) {
    side.destroy();
    return;
  }
  const { peerAddress, localAddress, listenerPort } = connection;
  options.openTcp(route, { peerAddress, localAddress, listenerPort, tls }).then(
    (far) => {
      if (far === undefined || side.destroyed) {
        far?.destroy();
        side.destroy();
        return;
      }
      splice(new SocketTunnel(side), far, new Uint8Array(0), options.onDone);
    },
    () => side.destroy(),
  );
}
