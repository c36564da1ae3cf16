import { Agent, type Dispatcher } from 'undici';
import type { ApiAccess, TlsMaterial } from './access.ts';

/** An answer of the API server that is not what was asked for. */
export class ApiError extends Error {
  /** Of HTTP, or of the Status object in a stream. */
  readonly status: number;
  /** `Conflict`, `AlreadyExists`, `Expired` … */
  readonly reason: string;
  readonly retryAfterMs: number | undefined;

  constructor(status: number, reason: string, message: string, retryAfterMs?: number) {
    super(message);
    this.status = status;
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }
}

export interface SendOptions {
  readonly body?: unknown;
  readonly contentType?: string;
  readonly signal?: AbortSignal | undefined;
}

/** Plain JSON to the API server. All requests share one pool of connections. */
export interface ApiClient {
  readonly server: string;
  /** Rejects with an ApiError for any answer but 2xx. */
  send<T>(method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, options?: SendOptions): Promise<T>;
  /** An answer that goes on; its head has been seen to be 200. */
  stream(path: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
  /** Resolves when the server answers, whatever it says; rejects when it does not in time. Has a connection to itself. */
  knock(timeoutMs: number): Promise<void>;
  /** What is asked from now on has new connections: those there are may lead nowhere. */
  renew(): void;
  close(): Promise<void>;
}

export interface ClientOptions {
  /** How long an answer may take to begin, and to go on. Default 30 s. */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 30_000;
const CONNECT_TIMEOUT_MS = 10_000;
/** A page of a list holds 500 objects; the largest that etcd takes has 1.5 MiB. */
const MAX_ANSWER_BYTES = 512 * 1_048_576;

export function createApiClient(access: ApiAccess, options: ClientOptions = {}): ApiClient {
  return new Client(access, options.timeoutMs ?? TIMEOUT_MS);
}

class Client implements ApiClient {
  readonly server: string;
  readonly #access: ApiAccess;
  readonly #timeoutMs: number;
  readonly #base: string;
  readonly #origin: string;
  #connections = new Connections(CONNECT_TIMEOUT_MS);
  #door: Connections | undefined;

  constructor(access: ApiAccess, timeoutMs: number) {
    this.#access = access;
    this.#timeoutMs = timeoutMs;
    this.server = access.server;
    const url = new URL(access.server);
    this.#origin = url.origin;
    this.#base = url.pathname.replace(/\/$/, '');
  }

  async send<T>(method: Dispatcher.HttpMethod, path: string, options: SendOptions = {}): Promise<T> {
    const { statusCode, headers, body } = await this.#request(method, path, options, this.#timeoutMs);
    const text = await readText(body);
    if (statusCode >= 200 && statusCode < 300) return JSON.parse(text) as T;
    throw errorOf(statusCode, text, headers['retry-after']);
  }

  async stream(path: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    // Silence in the body is the reader's concern: it knows how long is too long.
    const { statusCode, headers, body } = await this.#request('GET', path, { signal }, 0);
    if (statusCode === 200) return body;
    throw errorOf(statusCode, await readText(body), headers['retry-after']);
  }

  async knock(timeoutMs: number): Promise<void> {
    this.#door ??= new Connections(timeoutMs);
    try {
      const { tls, headers } = await this.#access.credentials();
      const answer = await this.#door.to(tls).request({
        origin: this.#origin,
        path: `${this.#base}/version`,
        method: 'GET',
        headers: { ...USUAL_HEADERS, ...headers },
        signal: AbortSignal.timeout(timeoutMs),
      });
      await answer.body.dump();
    } catch (error) {
      // A connection on which nothing came is of no use for the next time.
      await this.#door?.destroy();
      this.#door = undefined;
      throw isTimeout(error) ? new Error(`it does not answer within ${timeoutMs / 1_000} s`) : error;
    }
  }

  renew(): void {
    this.#connections.close();
    this.#connections = new Connections(CONNECT_TIMEOUT_MS);
  }

  async close(): Promise<void> {
    await Promise.all([this.#connections.destroy(), this.#door?.destroy()]);
  }

  async #request(
    method: Dispatcher.HttpMethod,
    path: string,
    { body, contentType = 'application/json', signal }: SendOptions,
    bodyTimeout: number,
  ): Promise<Dispatcher.ResponseData> {
    const { tls, headers } = await this.#access.credentials();
    signal?.throwIfAborted();
    const answer = await this.#connections.to(tls).request({
      origin: this.#origin,
      path: this.#base + path,
      method,
      headers: {
        ...USUAL_HEADERS,
        ...headers,
        ...(body !== undefined && { 'content-type': contentType }),
      },
      body: body === undefined ? null : JSON.stringify(body),
      headersTimeout: this.#timeoutMs,
      bodyTimeout,
      ...(signal !== undefined && { signal }),
    });
    if (answer.statusCode === 401) await this.#access.refused();
    return answer;
  }
}

const USUAL_HEADERS = { accept: 'application/json', 'user-agent': 'banyan' };

/** A pool of connections, made anew when certificates were rotated: what the old one has under way ends by itself. */
class Connections {
  readonly #connectTimeoutMs: number;
  #tls: TlsMaterial | undefined;
  #agent: Agent | undefined;

  constructor(connectTimeoutMs: number) {
    this.#connectTimeoutMs = connectTimeoutMs;
  }

  to(tls: TlsMaterial): Agent {
    if (this.#agent !== undefined && this.#tls !== undefined && sameTls(this.#tls, tls)) return this.#agent;
    this.close();
    const { ca, cert, key, servername, rejectUnauthorized } = tls;
    this.#tls = tls;
    this.#agent = new Agent({
      // undici's HTTP/2 loses data (dependencies, fact 8); a watch each on its own connection is what others do too.
      allowH2: false,
      pipelining: 1,
      keepAliveTimeout: 4_000,
      connect: {
        timeout: this.#connectTimeoutMs,
        keepAlive: true,
        rejectUnauthorized,
        ...(ca !== undefined && { ca }),
        ...(cert !== undefined && { cert }),
        ...(key !== undefined && { key }),
        ...(servername !== undefined && { servername }),
      },
    });
    return this.#agent;
  }

  close(): void {
    void this.#agent?.close();
  }

  async destroy(): Promise<void> {
    await this.#agent?.destroy();
  }
}

const isTimeout = (error: unknown): boolean => error instanceof Error && error.name === 'TimeoutError';

const sameTls = (a: TlsMaterial, b: TlsMaterial): boolean =>
  a.ca === b.ca &&
  a.cert === b.cert &&
  a.key === b.key &&
  a.servername === b.servername &&
  a.rejectUnauthorized === b.rejectUnauthorized;

async function readText(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > MAX_ANSWER_BYTES) throw new Error(`the answer has more than ${MAX_ANSWER_BYTES / 1_048_576} MiB`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function errorOf(status: number, text: string, retryAfter: string | string[] | undefined): ApiError {
  let parsed: { readonly reason?: unknown; readonly message?: unknown } = {};
  try {
    parsed = (JSON.parse(text) as typeof parsed | null) ?? {};
  } catch {
    // A proxy's page, or nothing: the status says enough.
  }
  const seconds = typeof retryAfter === 'string' && /^\d+$/.test(retryAfter) ? Number(retryAfter) : undefined;
  const message = typeof parsed.message === 'string' ? parsed.message : `the API server answered ${status}`;
  return new ApiError(
    status,
    typeof parsed.reason === 'string' ? parsed.reason : '',
    message,
    seconds === undefined ? undefined : seconds * 1_000,
  );
}
