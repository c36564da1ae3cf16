import { type BodyFraming, ChunkedDecoder, endToEnd, type FramedHead, frameHead } from './http1-framing.ts';
import { HeadParser, type ParsedHead } from './http1-parser.ts';
import { isPassedOn } from './interim.ts';

/** Beyond this an upstream only keeps us busy (edge-security F-33). */
const MAX_INFORMATIONAL = 100;

export interface AnswerEvents {
  informational(status: number, headers: string[]): void;
  head(status: number, headers: string[], endStream: boolean): void;
  /** A stretch of the bytes that are being fed. */
  data(bytes: Buffer, start: number, end: number): void;
}

/** What a connection that ends leaves of an answer. */
export type CutAnswer = 'complete' | 'nothing' | 'head-cut' | 'body-cut';

/** One answer to one request, from bytes. Knows no sockets; where it stops, the next message would start. */
export class AnswerReader {
  /** Why it is no valid HTTP; undefined: it is. */
  error: string | undefined;
  /** The whole answer was read. */
  complete = false;
  /** Answered 101 where an upgrade was asked: the bytes behind it are no HTTP any more. */
  upgraded: string[] | undefined;
  /** name, value …, of a chunked body that had some. */
  trailers: string[] | undefined;
  /** May another request follow, as far as the answer goes? */
  keepAlive = false;
  keepAliveSeconds: number | undefined;
  readonly #method: string;
  readonly #upgradeAsked: boolean;
  readonly #events: AnswerEvents;
  readonly #parser = new HeadParser('head');
  #framing: BodyFraming | undefined;
  #remaining = 0;
  #chunks: ChunkedDecoder | undefined;
  #informational = 0;
  #anyByte = false;

  constructor(method: string, upgradeAsked: boolean, events: AnswerEvents) {
    this.#method = method;
    this.#upgradeAsked = upgradeAsked;
    this.#events = events;
  }

  /** A byte of an answer has come. */
  get started(): boolean {
    return this.#anyByte;
  }

  /** Returns the position behind what belongs to this answer; look at `error`, `complete` and `upgraded` then. */
  feed(bytes: Buffer): number {
    let at = 0;
    if (bytes.length > 0) this.#anyByte = true;
    while (at < bytes.length && !this.complete && this.error === undefined && this.upgraded === undefined) {
      at = this.#framing === undefined ? this.#feedHead(bytes, at) : this.#feedBody(bytes, at, this.#framing);
    }
    return at;
  }

  /** The other end closed in order: what is there of the answer? */
  ended(): CutAnswer {
    if (this.#framing === undefined) return this.#parser.untouched ? 'nothing' : 'head-cut';
    return this.#framing.kind === 'until-close' ? 'complete' : 'body-cut';
  }

  #feedHead(bytes: Buffer, at: number): number {
    const next = this.#parser.feed(bytes, at);
    if (this.#parser.error !== undefined) this.error = this.#parser.error;
    else if (this.#parser.done) this.#headDone(this.#parser.result());
    return next;
  }

  #headDone(head: ParsedHead): void {
    const framed = frameHead(head, this.#method);
    if (!framed.ok) this.error = framed.error;
    else if (head.status === 101) this.#switched(head);
    else if (head.status < 200) this.#interim(head);
    else this.#final(head, framed.value);
  }

  #switched(head: ParsedHead): void {
    if (this.#upgradeAsked) this.upgraded = endToEnd(head.headers, { kind: 'none' }, true);
    else this.error = 'a switch of protocols that was not asked for';
  }

  #interim(head: ParsedHead): void {
    if (++this.#informational > MAX_INFORMATIONAL) {
      this.error = 'more than 100 interim answers';
      return;
    }
    this.#parser.reset();
    if (isPassedOn(head.status))
      this.#events.informational(head.status, endToEnd(head.headers, { kind: 'none' }, false));
  }

  #final(head: ParsedHead, framed: FramedHead): void {
    const { framing } = framed;
    this.#framing = framing;
    this.keepAlive = framed.keepAlive;
    this.keepAliveSeconds = framed.keepAliveSeconds;
    if (framing.kind === 'chunked') this.#chunks = new ChunkedDecoder();
    else if (framing.kind === 'length') this.#remaining = framing.length;
    this.complete = framing.kind === 'none' || (framing.kind === 'length' && framing.length === 0);
    this.#events.head(head.status, endToEnd(head.headers, framing, false), this.complete);
  }

  #feedBody(bytes: Buffer, at: number, framing: BodyFraming): number {
    if (framing.kind === 'chunked') return this.#feedChunks(bytes, at);
    const end = framing.kind === 'length' ? Math.min(bytes.length, at + this.#remaining) : bytes.length;
    if (framing.kind === 'length') {
      this.#remaining -= end - at;
      this.complete = this.#remaining === 0;
    }
    this.#events.data(bytes, at, end);
    return end;
  }

  #feedChunks(bytes: Buffer, at: number): number {
    const chunks = this.#chunks as ChunkedDecoder;
    const next = chunks.feed(bytes, at, (start, end) => this.#events.data(bytes, start, end));
    if (chunks.error !== undefined) this.error = chunks.error;
    else if (chunks.done) {
      const trailers = chunks.trailers();
      if (trailers.length > 0) this.trailers = trailers;
      this.complete = true;
    }
    return next;
  }
}
