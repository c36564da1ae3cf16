import http from 'node:http';
import { WebSocket } from 'ws';
import { Http2Client } from './load-http2.ts';

export interface LoadMix {
  /** Requests a second, sent when they are due whether or not others were answered: nobody waits for a slow gateway to recover. */
  readonly get: number;
  readonly post: number;
  readonly http2: number;
  readonly slow: number;
  readonly webSockets: number;
  /** Calls of gRPC that stay open, with a message a second each. */
  readonly conversations: number;
}

export const BASE_MIX: LoadMix = { get: 120, post: 30, http2: 30, slow: 2, webSockets: 10, conversations: 0 };

export interface Loss {
  readonly id: string;
  readonly kind: string;
  readonly why: string;
}

export interface LoadReport {
  readonly requests: number;
  readonly losses: readonly Loss[];
  /** Ids of POSTs: none may reach an upstream twice. */
  readonly posts: readonly string[];
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** undefined: as it should be. */
export type Verdict = (answer: {
  readonly status: number;
  readonly body: string;
  readonly aborted: boolean;
  readonly id: string;
}) => string | undefined;

const asItShould: Verdict = ({ status, body, aborted, id }) =>
  aborted
    ? 'aborted'
    : status !== 200
      ? `status ${status}: ${body.slice(0, 160)}`
      : body !== id
        ? 'wrong body'
        : undefined;

const TICK_MS = 10;
/** A machine that others use as well may stand still for seconds. */
const PATIENCE_MS = 20_000;
let nextId = 1;

export interface LoadOptions {
  readonly port: number;
  readonly mix?: Partial<LoadMix>;
  readonly host?: string;
  readonly prefix?: string;
  readonly connections?: number;
  readonly http2Connections?: number;
  readonly verdict?: Verdict;
}

/** An open-model load with an id for each request; what is lost is written down. */
export class Load {
  readonly #options: LoadOptions;
  readonly #mix: LoadMix;
  readonly #agent: http.Agent;
  readonly #verdict: Verdict;
  readonly #losses: Loss[] = [];
  readonly #posts: string[] = [];
  readonly #times: number[] = [];
  readonly #pending = new Set<Promise<void>>();
  readonly #sockets = new Set<WebSocket>();
  readonly #began = performance.now();
  readonly #timer: NodeJS.Timeout;
  readonly #due = { get: 0, post: 0, http2: 0, slow: 0 };
  readonly #http2: Http2Client;
  #requests = 0;
  #stopped = false;

  constructor(options: LoadOptions) {
    this.#options = options;
    this.#mix = { ...BASE_MIX, ...options.mix };
    this.#verdict = options.verdict ?? asItShould;
    this.#agent = new http.Agent({ keepAlive: true, maxSockets: options.connections ?? 50, scheduling: 'fifo' });
    this.#http2 = new Http2Client(
      options.port,
      options.host ?? 'shop.test',
      options.http2Connections ?? 1,
      PATIENCE_MS,
    );
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    for (let i = 0; i < this.#mix.webSockets; i++) this.#webSocket();
    for (let i = 0; i < this.#mix.conversations; i++) this.#conversation();
  }

  async stop(): Promise<LoadReport> {
    this.#stopped = true;
    clearInterval(this.#timer);
    await Promise.all(this.#pending);
    for (const socket of this.#sockets) socket.terminate();
    this.#http2.close();
    this.#agent.destroy();
    const times = this.#times.sort((a, b) => a - b);
    const at = (share: number): number => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
    return { requests: this.#requests, losses: this.#losses, posts: this.#posts, p50Ms: at(0.5), p99Ms: at(0.99) };
  }

  #tick(): void {
    const seconds = (performance.now() - this.#began) / 1000;
    for (const kind of ['get', 'post', 'http2', 'slow'] as const)
      while (this.#due[kind] < seconds * this.#mix[kind]) {
        this.#due[kind] += 1;
        this.#send(kind);
      }
  }

  #send(kind: 'get' | 'post' | 'http2' | 'slow'): void {
    const id = `r${nextId++}`;
    this.#requests += 1;
    if (kind === 'post') this.#posts.push(id);
    const began = performance.now();
    const sent = kind === 'http2' ? this.#overHttp2(id) : this.#http1(kind, id);
    const done = sent.then((why) => {
      if (kind !== 'slow') this.#times.push(performance.now() - began);
      if (why !== undefined) this.#losses.push({ id, kind, why });
      this.#pending.delete(done);
    });
    this.#pending.add(done);
  }

  #path(kind: string, id: string): string {
    return `${this.#options.prefix ?? ''}/${kind}/${id}`;
  }

  #http1(kind: string, id: string): Promise<string | undefined> {
    return new Promise((resolve) => {
      const body = kind === 'post' ? `${id}${'x'.repeat(500)}` : undefined;
      const headers = {
        host: this.#options.host ?? 'shop.test',
        ...(body === undefined ? {} : { 'content-length': body.length }),
      };
      const request = http.request(
        {
          host: '127.0.0.1',
          port: this.#options.port,
          path: this.#path(kind, id),
          method: body === undefined ? 'GET' : 'POST',
          headers,
          agent: this.#agent,
        },
        (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (chunk) => (text += chunk));
          const over = (aborted: boolean): void =>
            resolve(this.#verdict({ status: response.statusCode ?? 0, body: text, aborted, id }));
          response.on('end', () => over(!response.complete));
          response.on('error', () => over(true));
        },
      );
      request.setTimeout(PATIENCE_MS, () => request.destroy(new Error('no answer in time')));
      request.on('error', (error) =>
        resolve(`${error.message}${request.reusedSocket ? ' on a connection used before' : ''}`),
      );
      request.end(body);
    });
  }

  async #overHttp2(id: string): Promise<string | undefined> {
    const outcome = await this.#http2.get(this.#path('get', id));
    return outcome.kind === 'none' ? outcome.why : this.#verdict({ ...outcome, id });
  }

  /** A message a second that comes back. The end of a connection is what a caller has to bear; silence is not. */
  #conversation(): void {
    const stream = this.#http2.conversation('/test.Echo/Talk');
    let waiting = 0;
    const timer = setInterval(() => {
      if (waiting > PATIENCE_MS / 1_000) stream?.close();
      waiting += 1;
      this.#requests += 1;
      stream?.write(Buffer.from([0, 0, 0, 0, 4, 116, 97, 108, 107]));
    }, 1_000);
    stream?.on('data', () => (waiting = 0));
    stream?.on('error', () => {});
    const again = (): void => {
      clearInterval(timer);
      if (this.#stopped) return;
      if (waiting > PATIENCE_MS / 1_000) this.#losses.push({ id: 'grpc', kind: 'grpc', why: 'no message came back' });
      setTimeout(() => !this.#stopped && this.#conversation(), 200);
    };
    if (stream === undefined) again();
    else stream.on('close', again);
  }

  /** One message a second, echoed; 1001 and then another connection is what a client has to bear. */
  #webSocket(): void {
    const socket = new WebSocket(`ws://127.0.0.1:${this.#options.port}/ws`, {
      headers: { host: this.#options.host ?? 'shop.test' },
    });
    this.#sockets.add(socket);
    let opened = false;
    let waiting = 0;
    const timer = setInterval(() => {
      if (socket.readyState !== WebSocket.OPEN) return;
      waiting += 1;
      this.#requests += 1;
      socket.send(String(waiting));
    }, 1_000);
    socket.on('open', () => (opened = true));
    socket.on('message', () => (waiting -= 1));
    socket.on('error', () => {});
    socket.on('close', (code) => {
      clearInterval(timer);
      this.#sockets.delete(socket);
      if (this.#stopped) return;
      if (code !== 1001)
        this.#losses.push({ id: 'ws', kind: 'websocket', why: `${opened ? 'closed' : 'refused'} with ${code}` });
      setTimeout(() => !this.#stopped && this.#webSocket(), opened ? 0 : 200);
    });
  }
}
