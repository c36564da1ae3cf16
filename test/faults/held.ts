import { once } from 'node:events';
import http2 from 'node:http2';
import net from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { WebSocket } from 'ws';

const PATIENCE_MS = 20_000;

/** Connections that are idle for most of the time, and must not be closed for it. */
export class Held {
  readonly #host: string;
  readonly #plain: readonly net.Socket[];
  readonly #streams: readonly http2.ClientHttp2Session[];
  readonly #webSockets: readonly WebSocket[];
  readonly #closed = new Set<object>();

  private constructor(port: number, host: string, each: { readonly plain: number; readonly others: number }) {
    this.#host = host;
    const headers = { host };
    this.#plain = Array.from({ length: each.plain }, () => net.connect(port, '127.0.0.1'));
    this.#streams = Array.from({ length: each.others }, () => http2.connect(`http://127.0.0.1:${port}`));
    this.#webSockets = Array.from(
      { length: each.others },
      () => new WebSocket(`ws://127.0.0.1:${port}/ws`, { headers }),
    );
    for (const one of [...this.#plain, ...this.#streams, ...this.#webSockets]) {
      one.on('error', () => {});
      one.on('close', () => this.#closed.add(one));
    }
    for (const session of this.#streams) session.on('goaway', () => this.#closed.add(session));
  }

  static async open(
    port: number,
    host: string,
    each: { readonly plain: number; readonly others: number },
  ): Promise<Held> {
    const held = new Held(port, host, each);
    await Promise.all(held.#webSockets.map((socket) => once(socket, 'open')));
    const silent = await held.unanswered();
    if (silent > 0) throw new Error(`${silent} of the connections to hold were not served`);
    return held;
  }

  get count(): number {
    return this.#plain.length + this.#streams.length + this.#webSockets.length;
  }

  get closed(): number {
    return this.#closed.size;
  }

  /** How many of them serve no more, asked for a request or a message each. */
  async unanswered(): Promise<number> {
    const answers = await Promise.all([
      ...this.#plain.map((socket) => answered(socket, `GET /get/held HTTP/1.1\r\nhost: ${this.#host}\r\n\r\n`)),
      ...this.#streams.map((session) => overHttp2(session, this.#host)),
      ...this.#webSockets.map((socket) => echoed(socket)),
    ]);
    return answers.filter((good) => !good).length;
  }

  close(): void {
    for (const socket of this.#plain) socket.destroy();
    for (const session of this.#streams) session.destroy();
    for (const socket of this.#webSockets) socket.terminate();
  }
}

const inTime = (event: Promise<boolean>): Promise<boolean> =>
  Promise.race([event.catch(() => false), pause(PATIENCE_MS, false, { ref: false })]);

/** Whether what is written there is answered with 200. */
export function answered(socket: net.Socket, text: string): Promise<boolean> {
  if (socket.destroyed) return Promise.resolve(false);
  const first = once(socket, 'data').then(([data]) => String(data).startsWith('HTTP/1.1 200'));
  socket.write(text);
  return inTime(first);
}

function overHttp2(session: http2.ClientHttp2Session, host: string): Promise<boolean> {
  if (session.closed || session.destroyed) return Promise.resolve(false);
  const stream = session.request({ ':path': '/get/held', ':authority': host });
  stream.resume();
  return inTime(
    once(stream, 'response').then(([head]) => (head as { readonly ':status'?: number })[':status'] === 200),
  );
}

function echoed(socket: WebSocket): Promise<boolean> {
  if (socket.readyState !== WebSocket.OPEN) return Promise.resolve(false);
  const message = once(socket, 'message').then(() => true);
  socket.send('held');
  return inTime(message);
}
