import type { Socket } from 'node:net';
import type { ConnectionRecord } from '../../contract/connection-record.ts';
import type { TlsFacts } from '../../contract/exchange.ts';
import type { TcpRoute } from '../../table/model.ts';
import type { Tunnel } from '../stream.ts';
import { splice } from '../tunnel.ts';
import type { ConnectionLife, DownstreamConnection } from './connection.ts';

/** Who asks for a TCP connection, and by which. */
export interface TcpClient extends Readonly<ConnectionEnds> {
  /** undefined: it speaks no TLS that was looked at. */
  readonly tls: TlsFacts | undefined;
}

type ConnectionEnds = Pick<
  DownstreamConnection,
  'peerAddress' | 'remoteAddress' | 'remotePort' | 'localAddress' | 'localPort' | 'listenerPort' | 'destinationPort'
>;

/** Why a raw connection was closed. `finished`: one of the two ends was done with it, or gone; all else is our doing. */
export type TcpEnding = 'finished' | 'idle-timeout' | 'max-duration' | 'drained';

/** What lies beyond the raw lane for one connection, from its beginning to its end. */
export interface TcpPassage {
  /** What passes is counted in it by the lane. */
  readonly record: Pick<ConnectionRecord, 'bytesReceived' | 'bytesSent'>;
  /** Connects to where the route leads; undefined: nowhere, and the client's connection is closed (istio-semantics §2.13). */
  connect(): Promise<Tunnel | undefined>;
  /** Bytes can pass from now on. */
  opened(): void;
  /** The client's connection is closed. Once, whatever happened before. */
  ended(why: TcpEnding): void;
}

/** `route` undefined: there is none. */
export type OpenTcp = (route: TcpRoute | undefined, client: TcpClient) => TcpPassage;

/**
 * A socket as a tunnel. It is not read before somebody wants its bytes: `onData` set, or `resume`. What was read ahead
 * was put back into the socket by whoever read it.
 */
export class SocketTunnel implements Tunnel {
  readonly #socket: Socket;
  readonly #traffic: TcpPassage['record'];
  #onData: ((chunk: Uint8Array) => void) | undefined;
  #onClose: (() => void) | undefined;
  #reading = false;
  onDrain: (() => void) | undefined;
  onEnd: (() => void) | undefined;

  /** `traffic`: where its bytes are counted. */
  constructor(socket: Socket, traffic: TcpPassage['record'] = { bytesReceived: 0, bytesSent: 0 }) {
    this.#socket = socket;
    this.#traffic = traffic;
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
    if (!this.#socket.writable) return true;
    this.#traffic.bytesSent += chunk.length;
    return this.#socket.write(chunk);
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
    this.#socket.on('data', (chunk: Buffer) => {
      this.#traffic.bytesReceived += chunk.length;
      this.#onData?.(chunk);
    });
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
  /** What it was ended for; undefined: it was not, so far. */
  ended: 'idle-timeout' | 'max-duration' | undefined;

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
    } else if (nowMs - this.#since >= this.#idleTimeoutMs) this.#end('idle-timeout');
    this.#startedMs ??= nowMs;
    if (nowMs - this.#startedMs >= this.#maxDurationMs) this.#end('max-duration');
  }

  #end(why: NonNullable<TunnelLife['ended']>): void {
    this.ended ??= why;
    this.#socket.destroy();
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
  const life = new TunnelLife(side, idleTimeoutMs || Number.POSITIVE_INFINITY, route?.maxDurationMs);
  connection.life = life;
  const passage = options.openTcp(route, clientOf(connection, tls));
  const { socket } = connection;
  const near = new ClientSide(side, socket, passage.record);
  onceClosed(socket, (broken) => {
    const finished = broken || near.finished;
    passage.ended(life.ended ?? (finished ? 'finished' : 'drained'));
  });
  passage.connect().then(
    (far) => {
      if (far === undefined || side.destroyed) {
        far?.destroy();
        side.destroy();
        return;
      }
      passage.opened();
      splice(near, far, new Uint8Array(0), options.onDone);
    },
    () => side.destroy(),
  );
}

/** The client's side of a raw connection, which knows whether one of the two ends was done with it. */
class ClientSide extends SocketTunnel {
  readonly #side: Socket;
  readonly #raw: Socket;
  /** The other side was gone, or this one broke, while it was open. */
  #broken = false;

  /** `side`: what comes out of `raw`, or that itself. */
  constructor(side: Socket, raw: Socket, traffic: TcpPassage['record']) {
    super(side, traffic);
    this.#side = side;
    this.#raw = raw;
    side.once('error', () => {
      this.#broken = true;
    });
  }

  get finished(): boolean {
    return this.#broken || (this.#side.readableEnded && this.#side.writableFinished);
  }

  /** Called by the tunnel when either of its sides has closed. */
  override destroy(): void {
    if (!this.#side.destroyed && !this.#raw.destroyed) this.#broken = true;
    super.destroy();
  }
}

const clientOf = (connection: DownstreamConnection, tls: TlsFacts | undefined): TcpClient => ({
  peerAddress: connection.peerAddress,
  remoteAddress: connection.remoteAddress,
  remotePort: connection.remotePort,
  localAddress: connection.localAddress,
  localPort: connection.localPort,
  listenerPort: connection.listenerPort,
  destinationPort: connection.destinationPort,
  tls,
});

/** Also where it has closed already. */
function onceClosed(socket: Socket, done: (broken: boolean) => void): void {
  if (socket.closed) process.nextTick(done, socket.errored !== null);
  else socket.once('close', done);
}
