import type { Socket } from 'node:net';
import net from 'node:net';
import type { TLSSocket } from 'node:tls';
import { hostPort } from '../../kernel/host-port.ts';
import { lentReads } from '../lent-reads.ts';
import type { Tunnel } from '../stream.ts';

/** A connected socket, plain or TLS, with one way of reading. It never lets an `error` event go unheard. */
export class Wire {
  readonly socket: Socket;
  /** `bytes` are lent for the call alone; whoever keeps them copies them. */
  readonly lends: boolean;
  /** Takes what was read; false: no more until `resume`. */
  onBytes: ((bytes: Buffer) => boolean) | undefined;
  /** The other end has no more to say. */
  onEnd: (() => void) | undefined;
  onDrain: (() => void) | undefined;
  /** Once, the last call. */
  onClose: ((error: Error | undefined) => void) | undefined;
  #error: Error | undefined;
  #reading = true;

  constructor(socket: Socket, lends: boolean) {
    this.socket = socket;
    this.lends = lends;
    socket.on('error', (error: Error) => {
      this.#error ??= error;
    });
    socket.on('end', () => this.onEnd?.());
    socket.on('drain', () => this.onDrain?.());
    socket.on('close', () => this.onClose?.(this.#error));
  }

  /** Bytes that came, from whichever way of reading; false: stop. */
  take(bytes: Buffer): boolean {
    const more = this.onBytes?.(bytes) ?? true;
    if (!more) this.#reading = false;
    return more && this.#reading;
  }

  pause(): void {
    this.#reading = false;
    this.socket.pause();
  }

  resume(): void {
    if (this.#reading) return;
    this.#reading = true;
    this.socket.resume();
  }

  get localAddress(): string {
    return localAddressOf(this.socket);
  }
}

export const localAddressOf = ({ localAddress = '', localPort = 0 }: Socket): string =>
  hostPort(localAddress, localPort);

export type ConnectOptions = net.TcpNetConnectOpts | net.IpcNetConnectOpts;

/** A plain socket on its way, read through the shared buffer. */
export function connectPlain(options: ConnectOptions): Wire {
  let wire: Wire | undefined;
  const socket = net.connect({
    ...options,
    onread: lentReads((bytes) => wire?.take(bytes) ?? true),
  });
  wire = new Wire(socket, true);
  return wire;
}

/** After the handshake; TLS gives a buffer of its own for each read. */
export function readTls(socket: TLSSocket): Wire {
  const wire = new Wire(socket, false);
  socket.on('data', (bytes: Buffer) => {
    if (!wire.take(bytes)) socket.pause();
  });
  return wire;
}

/** The rest of a connection as raw bytes: after a 101, or from its start. What comes before anybody listens is kept, and reading stops. */
export function tunnelOver(wire: Wire, onClosed: () => void): Tunnel {
  const { socket } = wire;
  let listener: ((chunk: Uint8Array) => void) | undefined;
  let kept: Uint8Array | undefined;
  let ended = false;
  let onEnd: (() => void) | undefined;
  let onClose: (() => void) | undefined;
  let closed = false;
  let paused = false;
  const tunnel: Tunnel = {
    write: (chunk) => socket.destroyed || socket.write(chunk),
    end: () => {
      if (!socket.destroyed) socket.end();
    },
    destroy: () => socket.destroy(),
    pause: () => {
      paused = true;
      wire.pause();
    },
    resume: () => {
      paused = false;
      wire.resume();
    },
    get onData() {
      return listener;
    },
    set onData(next) {
      listener = next;
      if (next === undefined || kept === undefined) return;
      const chunk = kept;
      kept = undefined;
      if (!paused) wire.resume();
      next(chunk);
    },
    onDrain: undefined,
    get onEnd() {
      return onEnd;
    },
    set onEnd(next) {
      onEnd = next;
      if (ended) next?.();
    },
    get onClose() {
      return onClose;
    },
    set onClose(next) {
      onClose = next;
      if (closed) next?.();
    },
  };
  wire.onBytes = (bytes) => {
    const chunk = wire.lends ? Buffer.from(bytes) : bytes;
    if (listener !== undefined) {
      listener(chunk);
      return true;
    }
    kept = kept === undefined ? chunk : Buffer.concat([kept, chunk]);
    return false;
  };
  wire.onDrain = () => tunnel.onDrain?.();
  wire.onEnd = () => {
    ended = true;
    onEnd?.();
  };
  wire.onClose = () => {
    if (closed) return;
    closed = true;
    onClosed();
    onClose?.();
  };
  return tunnel;
}
