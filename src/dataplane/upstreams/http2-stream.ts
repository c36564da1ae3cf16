import http2 from 'node:http2';
import { HeaderList } from '../../contract/headers.ts';
import { fleeting } from '../fleeting.ts';
import { noteReadBuffer } from '../read-buffers.ts';
import type { ResetReason, UpstreamReceiver, UpstreamRequestHead } from '../stream.ts';
import { type ClientStream, type EndOfBody, failure } from './connection.ts';
import { allowedTrailers } from './http1-framing.ts';
import { MAX_HEAD_BYTES, MAX_HEADERS } from './http1-parser.ts';
import { isPassedOn } from './interim.ts';

const { NGHTTP2_CANCEL, NGHTTP2_PROTOCOL_ERROR, NGHTTP2_REFUSED_STREAM, NGHTTP2_FLAG_END_STREAM } = http2.constants;
const MAX_INFORMATIONAL = 100;

/** Of HTTP/1.1, or written here; HTTP/2 forbids them (RFC 9113 §8.2.2). */
const NOT_SENT = new Set([
  'host',
  'connection',
  'content-length',
  'transfer-encoding',
  'keep-alive',
  'proxy-connection',
  'upgrade',
  'http2-settings',
  'expect',
]);

/** One request on an HTTP/2 connection. */
export class Http2Stream implements ClientStream {
  readonly #connection: { readonly address: string; readonly localAddress: string };
  readonly #session: http2.ClientHttp2Session;
  readonly #head: UpstreamRequestHead;
  readonly #receiver: UpstreamReceiver;
  readonly #onClosed: () => void;
  /** undefined: the connection is new. */
  readonly #idleMs: number | undefined;
  #stream: http2.ClientHttp2Stream | undefined;
  #state: 'waiting' | 'open' | 'done' = 'waiting';
  #requestDone = false;
  #requestTrailers: HeaderList | undefined;
  #bodySent = 0;
  #paused = false;
  /** END_STREAM came; a stream that merely closes is no complete answer. */
  #endStream = false;
  #answered = false;
  #informational = 0;
  #trailers: HeaderList | undefined;
  #error: (Error & { code?: string }) | undefined;

  constructor(
    connection: { readonly address: string; readonly localAddress: string },
    session: http2.ClientHttp2Session,
    head: UpstreamRequestHead,
    receiver: UpstreamReceiver,
    onClosed: () => void,
    idleMs: number | undefined,
  ) {
    this.#connection = connection;
    this.#session = session;
    this.#head = head;
    this.#receiver = receiver;
    this.#onClosed = onClosed;
    this.#idleMs = idleMs;
  }

  /* ---- the request */

  connected(): void {
    const { address, localAddress } = this.#connection;
    this.#receiver.onConnected({ address, localAddress, reused: this.#idleMs !== undefined });
  }

  begin(body: readonly Uint8Array[], end: EndOfBody | undefined): boolean {
    if (this.#state !== 'waiting') return true;
    const { hasBody, upgrade } = this.#head;
    if (upgrade !== undefined) {
      // As Envoy answers a websocket that leads to HTTP/2 (recorded).
      this.#fail('protocol-error', 'the destination is spoken to in HTTP/2, which has no such upgrade');
      return true;
    }
    try {
      this.#stream = this.#session.request(requestHeaders(this.#head), {
        endStream: !hasBody,
        waitForTrailers: hasBody,
      });
    } catch (error) {
      // The session was told to go away in the moment that we chose it: the request never left.
      this.#fail('remote-refused-stream', (error as Error).message);
      return true;
    }
    this.#state = 'open';
    this.#requestDone = !hasBody;
    this.#listen(this.#stream);
    let more = true;
    for (const chunk of body) more = this.write(chunk);
    if (end !== undefined) this.end(end.trailers);
    return more;
  }

  write(chunk: Uint8Array): boolean {
    if (this.#state !== 'open' || this.#requestDone || chunk.length === 0) return true;
    this.#bodySent += chunk.length;
    if (this.#bodySent <= (this.#head.bodyLength ?? Number.POSITIVE_INFINITY))
      return (this.#stream as http2.ClientHttp2Stream).write(chunk);
    this.#fail('local-reset', 'the request body is longer than its Content-Length');
    return true;
  }

  end(trailers: EndOfBody['trailers']): void {
    if (this.#state !== 'open' || this.#requestDone) return;
    if (this.#bodySent < (this.#head.bodyLength ?? 0)) {
      this.#fail('local-reset', 'the request body is shorter than its Content-Length');
      return;
    }
    this.#requestDone = true;
    this.#requestTrailers = trailers;
    (this.#stream as http2.ClientHttp2Stream).end();
  }

  /* ---- the answer */

  #listen(stream: http2.ClientHttp2Stream): void {
    noteEndOfStream(stream, () => {
      this.#endStream = true;
    });
    stream.on('wantTrailers', () => {
      const trailers = allowedTrailers(this.#requestTrailers?.raw() ?? []);
      if (!stream.closed) stream.sendTrailers(asObject(trailers));
    });
    stream.on('headers', (_headers, _flags, raw: unknown) => this.#interim(raw as string[]));
    stream.on('response', (_headers, flags, raw: unknown) => this.#response(stream, flags, raw as string[]));
    stream.on('trailers', (_headers: unknown, _flags: number, raw: unknown) => {
      this.#trailers = HeaderList.fromRaw(allowedTrailers(raw as string[]));
    });
    stream.on('drain', () => {
      if (this.#state === 'open' && !this.#requestDone) this.#receiver.onDrain();
    });
    stream.on('error', (error) => {
      this.#error ??= error;
    });
    stream.on('end', () => this.#ended());
    stream.on('close', () => this.#closed(stream.rstCode ?? 0));
  }

  #interim(raw: string[]): void {
    const { status, headers } = split(raw);
    if (this.#state !== 'open') return;
    if (++this.#informational > MAX_INFORMATIONAL) this.#fail('protocol-error', 'more than 100 interim answers');
    else if (isPassedOn(status)) this.#receiver.onInformational(status, HeaderList.fromRaw(headers));
  }

  #response(stream: http2.ClientHttp2Stream, flags: number, raw: string[]): void {
    if (this.#state !== 'open') return;
    const { status, headers, bytes } = split(raw);
    if (status < 200 || status > 999) this.#fail('protocol-error', `a final answer with status ${status}`);
    else if (bytes > MAX_HEAD_BYTES) this.#fail('protocol-error', 'the head is larger than 60 KiB');
    // With `:status`, which Envoy counts (its HTTP/2 codec, `saveHeader`).
    else if (headers.length / 2 + 1 > MAX_HEADERS) this.#fail('protocol-error', 'more than 100 headers');
    else {
      this.#answered = true;
      const endStream = (flags & NGHTTP2_FLAG_END_STREAM) !== 0;
      this.#receiver.onHead(status, HeaderList.fromRaw(headers), endStream);
      if ((this.#state as string) !== 'open') return;
      // Not before: what comes with the head would otherwise be reported ahead of it.
      stream.on('data', (chunk: Uint8Array) => {
        noteReadBuffer(chunk.length);
        if (this.#state === 'open') this.#receiver.onData(chunk);
      });
      if (this.#paused) stream.pause();
    }
  }

  pause(): void {
    this.#paused = true;
    if (this.#answered) this.#stream?.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    if (this.#answered) this.#stream?.resume();
  }

  #ended(): void {
    if (this.#state !== 'open' || !this.#endStream || !this.#answered) return;
    this.#state = 'done';
    // The answer is whole; what is left of the request interests nobody (RFC 9113 §8.1).
    if (!this.#requestDone) this.#stream?.close(NGHTTP2_CANCEL);
    this.#onClosed();
    this.#receiver.onEnd(this.#trailers);
  }

  #closed(code: number): void {
    if (this.#state !== 'open') return;
    this.#fail(this.#closeReason(code), this.#error?.message);
  }

  /** Which of our words fits the way the stream closed (istio-semantics §5, §7.4; RFC 9113 §7). */
  #closeReason(code: number): ResetReason {
    if (this.#error?.code === 'ERR_HTTP2_ERROR') return 'protocol-error';
    if (this.#error?.code === 'ERR_HTTP2_GOAWAY_SESSION') return 'remote-refused-stream';
    if (this.#session.destroyed) return 'connection-termination';
    if (code === NGHTTP2_REFUSED_STREAM) return 'remote-refused-stream';
    if (code === NGHTTP2_PROTOCOL_ERROR) return 'protocol-error';
    return 'remote-reset';
  }

  cancel(): void {
    if (this.#state === 'done') return;
    this.#state = 'done';
    this.#stream?.close(NGHTTP2_CANCEL);
    this.#onClosed();
  }

  #fail(reason: ResetReason, detail: string | undefined): void {
    const nothingSent = this.#state === 'waiting';
    this.#state = 'done';
    this.#stream?.close(NGHTTP2_CANCEL);
    this.#onClosed();
    const unanswered = !this.#answered && this.#informational === 0;
    const race = reason === 'connection-termination' && this.#idleMs !== undefined && unanswered;
    const reuse = { reusedConnection: race, idleMs: this.#idleMs ?? 0 };
    this.#receiver.onFailed(failure(reason, detail, nothingSent, reuse));
  }
}

/** As a list: order and repeated lines stay as they are. */
function requestHeaders(head: UpstreamRequestHead): http2.OutgoingHttpHeaders {
  const list = [':method', head.method, ':scheme', head.scheme, ':authority', head.authority, ':path', head.target];
  for (const [name, value] of head.headers) {
    if (NOT_SENT.has(name) || name.startsWith(':')) continue;
    // The one value that HTTP/2 knows; gRPC servers ask for it.
    if (name === 'te' && value.toLowerCase() !== 'trailers') continue;
    list.push(name, value);
  }
  if (head.expectContinue) list.push('expect', '100-continue');
  if (head.hasBody && head.bodyLength !== undefined) list.push('content-length', String(head.bodyLength));
  return list as unknown as http2.OutgoingHttpHeaders;
}

function split(raw: readonly string[]): { status: number; headers: string[]; bytes: number } {
  const headers: string[] = [];
  let status = 0;
  let bytes = 0;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string;
    const value = raw[i + 1] as string;
    bytes += name.length + value.length;
    if (name === ':status') status = Number(value);
    else if (!name.startsWith(':')) headers.push(name, value);
  }
  return { status, headers, bytes };
}

function asObject(flat: readonly string[]): Record<string, string[]> {
  const object: Record<string, string[]> = Object.create(null);
  for (let i = 0; i < flat.length; i += 2) {
    const name = flat[i] as string;
    object[name] = [...(object[name] ?? []), flat[i + 1] as string];
  }
  return object;
}

/**
 * Node ends the readable side in the same way whether END_STREAM came or the stream was reset with NO_ERROR: only in
 * the latter case is the stream closed by then. Nothing else tells a whole answer from a cut one.
 */
function noteEndOfStream(stream: http2.ClientHttp2Stream, onEndStream: () => void): void {
  const push = stream.push;
  stream.push = fleeting((chunk: unknown, encoding?: BufferEncoding) => {
    if (chunk === null && !stream.closed && !stream.destroyed) onEndStream();
    return push.call(stream, chunk, encoding);
  });
}
