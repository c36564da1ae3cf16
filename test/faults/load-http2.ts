import http2 from 'node:http2';

/** What came back, or why nothing did. */
export type Http2Outcome =
  | { readonly kind: 'answer'; readonly status: number; readonly body: string; readonly aborted: boolean }
  | { readonly kind: 'none'; readonly why: string };

const MAX_TRIES = 3;

/**
 * So many HTTP/2 connections, used in turn. What a server refuses by GOAWAY or REFUSED_STREAM it has not looked at: clients send
 * that again (RFC 9113 §8.7), and nothing else.
 */
export class Http2Client {
  readonly #port: number;
  readonly #host: string;
  readonly #patienceMs: number;
  readonly #sessions: (http2.ClientHttp2Session | undefined)[];
  /** Why a session broke. */
  readonly #reasons = new WeakMap<http2.ClientHttp2Session, string>();
  #next = 0;

  constructor(port: number, host: string, connections: number, patienceMs: number) {
    this.#port = port;
    this.#host = host;
    this.#patienceMs = patienceMs;
    this.#sessions = new Array(connections).fill(undefined);
  }

  get(path: string, tries = 1): Promise<Http2Outcome> {
    return new Promise((resolve) => {
      const session = this.#session();
      const again = (why: string): void =>
        resolve(tries < MAX_TRIES ? this.get(path, tries + 1) : { kind: 'none', why });
      const stream = this.#request(session, { ':path': path, ':authority': this.#host });
      if (stream === undefined) {
        again('the session is closed');
        return;
      }
      let status = 0;
      let body = '';
      let ended = false;
      stream.setTimeout(this.#patienceMs, () => stream.close(http2.constants.NGHTTP2_CANCEL));
      stream.on('response', (head) => (status = Number(head[':status'])));
      stream.setEncoding('utf8').on('data', (chunk) => (body += chunk));
      stream.on('end', () => (ended = true));
      stream.on('error', () => {});
      stream.on('close', () => {
        if (status !== 0) resolve({ kind: 'answer', status, body, aborted: !ended || (stream.rstCode ?? 0) !== 0 });
        else if (stream.rstCode === http2.constants.NGHTTP2_REFUSED_STREAM) again('refused');
        else
          resolve({
            kind: 'none',
            why: `no answer, code ${stream.rstCode}, ${this.#reasons.get(session) ?? 'no reason'}`,
          });
      });
      stream.end();
    });
  }

  /** A call of gRPC that goes on until the connection ends: each message is to come back. */
  conversation(path: string): http2.ClientHttp2Stream | undefined {
    return this.#request(this.#session(), {
      ':method': 'POST',
      ':path': path,
      ':authority': this.#host,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
  }

  close(): void {
    for (const session of this.#sessions) session?.destroy();
  }

  #request(session: http2.ClientHttp2Session, headers: http2.OutgoingHttpHeaders): http2.ClientHttp2Stream | undefined {
    try {
      return session.request(headers);
    } catch {
      this.#leave(session);
      return undefined;
    }
  }

  #session(): http2.ClientHttp2Session {
    const at = this.#next++ % this.#sessions.length;
    const known = this.#sessions[at];
    if (known !== undefined && !known.closed && !known.destroyed) return known;
    const began = performance.now();
    const session = http2.connect(`http://127.0.0.1:${this.#port}`);
    session.setMaxListeners(0);
    session.on('goaway', () => this.#leave(session));
    session.on('close', () => this.#leave(session));
    session.on('error', (error) => {
      this.#reasons.set(session, `${error.message} after ${Math.round(performance.now() - began)} ms`);
      this.#leave(session);
    });
    this.#sessions[at] = session;
    return session;
  }

  #leave(session: http2.ClientHttp2Session): void {
    const at = this.#sessions.indexOf(session);
    if (at >= 0) this.#sessions[at] = undefined;
  }
}
