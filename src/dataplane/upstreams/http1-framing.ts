import { err, ok, type Result } from '../../kernel/result.ts';
import { HeadParser, type ParsedHead } from './http1-parser.ts';

/** How the body of an answer ends (RFC 9112 §6.3). */
export type BodyFraming =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly length: number }
  | { readonly kind: 'chunked' }
  | { readonly kind: 'until-close' };

export interface FramedHead {
  readonly framing: BodyFraming;
  /** May the connection serve another request, as far as the answer says? */
  readonly keepAlive: boolean;
  /** Seconds of the server's `Keep-Alive: timeout=n`; undefined: it does not say. */
  readonly keepAliveSeconds: number | undefined;
}

const NONE: BodyFraming = { kind: 'none' };
const CHUNKED: BodyFraming = { kind: 'chunked' };
const UNTIL_CLOSE: BodyFraming = { kind: 'until-close' };

interface FramingFields {
  length: number | undefined;
  chunked: boolean;
  connection: string[];
  keepAliveSeconds: number | undefined;
}

/** Decides how the body ends; the error says which of the fields that decide it are broken or contradict each other. */
export function frameHead(head: ParsedHead, method: string): Result<FramedHead, string> {
  const read = readFields(head.headers);
  if (!read.ok) return read;
  const { length, chunked, connection, keepAliveSeconds } = read.value;
  if (length !== undefined && chunked) return err('Content-Length beside Transfer-Encoding');
  const bodiless = head.status < 200 || head.status === 204;
  // Envoy refuses these two, a length of 0 aside: others would read the body that is announced here.
  if (bodiless && chunked) return err(`Transfer-Encoding in an answer with status ${head.status}`);
  if (bodiless && (length ?? 0) > 0) return err(`Content-Length in an answer with status ${head.status}`);
  const framing =
    bodiless || head.status === 304 || method === 'HEAD'
      ? NONE
      : chunked
        ? CHUNKED
        : length !== undefined
          ? { kind: 'length' as const, length }
          : UNTIL_CLOSE;
  // RFC 9112 §6.1: chunked in HTTP/1.0 is faulty framing, and the connection ends with it.
  const persistent = head.version === 'HTTP/1.1' || (connection.includes('keep-alive') && !chunked);
  const keepAlive = persistent && framing.kind !== 'until-close' && !connection.includes('close');
  return ok({ framing, keepAlive, keepAliveSeconds });
}

function readFields(headers: readonly string[]): Result<FramingFields, string> {
  const fields: FramingFields = { length: undefined, chunked: false, connection: [], keepAliveSeconds: undefined };
  for (let i = 0; i < headers.length; i += 2) {
    const value = headers[i + 1] as string;
    switch (headers[i]) {
      case 'content-length': {
        const length = /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN;
        if (!Number.isSafeInteger(length)) return err('Content-Length is not a number');
        if (fields.length !== undefined && fields.length !== length) return err('two different Content-Lengths');
        fields.length = length;
        break;
      }
      case 'transfer-encoding':
        if (fields.chunked || value.toLowerCase() !== 'chunked') return err('Transfer-Encoding is not chunked');
        fields.chunked = true;
        break;
      case 'connection':
        fields.connection.push(...words(value));
        break;
      case 'keep-alive': {
        const timeout = /(?:^|[,\s])timeout=(\d{1,6})(?:$|[,\s])/i.exec(value);
        if (timeout !== null) fields.keepAliveSeconds = Number(timeout[1]);
        break;
      }
    }
  }
  return ok(fields);
}

const KEEP_ALIVE = ['keep-alive'] as const;

const words = (value: string): readonly string[] =>
  value === 'keep-alive'
    ? KEEP_ALIVE
    : value
        .toLowerCase()
        .split(',')
        .map((word) => word.trim());

const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade', 'te']);

/**
 * The headers that go on to the client: no hop-by-hop ones, nor those that `Connection` names (RFC 9110 §7.6.1), one
 * Content-Length, and no `Trailer` where no trailers can come. An upgrade keeps `upgrade`, which says what to.
 */
export function endToEnd(headers: readonly string[], framing: BodyFraming, upgraded: boolean): string[] {
  let named: readonly string[] | undefined;
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] !== 'connection') continue;
    const more = words(headers[i + 1] as string);
    named = named === undefined ? more : [...named, ...more];
  }
  const kept: string[] = [];
  let hasLength = false;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    if (HOP_BY_HOP.has(name) && !(upgraded && name === 'upgrade')) continue;
    if (named?.includes(name) === true && !PROTECTED.has(name) && !(upgraded && name === 'upgrade')) continue;
    if (name === 'trailer' && framing.kind !== 'chunked') continue;
    if (name === 'content-length') {
      if (hasLength) continue;
      hasLength = true;
    }
    kept.push(name, headers[i + 1] as string);
  }
  return kept;
}

/** End-to-end by their nature: a `Connection` that names them does not make them vanish. */
const PROTECTED = new Set(['content-length', 'content-type', 'set-cookie', 'cache-control', 'www-authenticate']);

/** Fields that decide framing or routing and have no business behind the body (RFC 9110 §6.5.1). */
const NOT_IN_TRAILERS = new Set([...HOP_BY_HOP, 'content-length', 'host', 'trailer', 'content-encoding', 'set-cookie']);

export function allowedTrailers(headers: readonly string[]): string[] {
  const kept: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    if (!NOT_IN_TRAILERS.has(name)) kept.push(name, headers[i + 1] as string);
  }
  return kept;
}

/** Larger chunk lines are no extensions any more but an attack on memory. */
const MAX_CHUNK_LINE = 4096;

const STAGE = { size: 0, extension: 1, sizeEnd: 2, data: 3, dataEnd: 4, dataEndFeed: 5, trailers: 6, done: 7 } as const;
type ChunkStage = (typeof STAGE)[keyof typeof STAGE];

/** Takes the chunked coding off (RFC 9112 §7.1). Line ends are CRLF here and nothing else: a lone LF hides a chunk from others. */
export class ChunkedDecoder {
  error: string | undefined;
  #stage: ChunkStage = STAGE.size;
  #size = 0;
  #digits = 0;
  #lineBytes = 0;
  readonly #trailers = new HeadParser('trailers');

  get done(): boolean {
    return this.#stage === STAGE.done;
  }

  /** name, value …, once `done`. */
  trailers(): string[] {
    return allowedTrailers(this.#trailers.result().headers);
  }

  /** Reports the data in `bytes` from `position` on; returns the position behind what it used. */
  feed(bytes: Buffer, position: number, onData: (start: number, end: number) => void): number {
    let at = position;
    while (at < bytes.length && this.error === undefined && this.#stage !== STAGE.done) {
      if (this.#stage === STAGE.data) {
        const end = Math.min(bytes.length, at + this.#size);
        this.#size -= end - at;
        if (this.#size === 0) this.#stage = STAGE.dataEnd;
        onData(at, end);
        at = end;
      } else if (this.#stage === STAGE.trailers) {
        at = this.#trailers.feed(bytes, at);
        if (this.#trailers.error !== undefined) this.error = `in the trailers: ${this.#trailers.error}`;
        else if (this.#trailers.done) this.#stage = STAGE.done;
      } else {
        this.#frame(bytes[at] as number);
        at++;
      }
    }
    return at;
  }

  /** One byte of what stands between the data. */
  #frame(byte: number): void {
    switch (this.#stage) {
      case STAGE.size:
        this.#sizeByte(byte);
        return;
      case STAGE.extension:
        if (byte === 13) this.#stage = STAGE.sizeEnd;
        else if (byte === 10 || ++this.#lineBytes > MAX_CHUNK_LINE) this.error = 'a chunk extension is not valid';
        return;
      case STAGE.sizeEnd:
        if (byte !== 10) this.error = 'a chunk size is not ended by CRLF';
        this.#stage = this.#size === 0 ? STAGE.trailers : STAGE.data;
        return;
      case STAGE.dataEnd:
        if (byte !== 13) this.error = 'a chunk is longer than its size';
        this.#stage = STAGE.dataEndFeed;
        return;
      default:
        if (byte !== 10) this.error = 'a chunk is not ended by CRLF';
        this.#stage = STAGE.size;
        this.#digits = 0;
        this.#lineBytes = 0;
    }
  }

  #sizeByte(byte: number): void {
    const digit = hexDigit(byte);
    if (digit !== -1) {
      this.#size = this.#size * 16 + digit;
      // 12 digits are 256 TiB; more is no chunk, and would leave the safe integers.
      if (++this.#digits > 12) this.error = 'a chunk size is too large';
    } else if (this.#digits === 0) this.error = 'a chunk size is not a number';
    else if (byte === 13) this.#stage = STAGE.sizeEnd;
    else if (byte === 59) this.#stage = STAGE.extension;
    else this.error = 'a chunk size is not a number';
  }
}

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const lower = byte | 0x20;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}
