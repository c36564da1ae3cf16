import { MALFORMED, type Rejection, UNSUPPORTED_VERSION } from './problem.ts';

/** Where the body of the request that was just read ends, as the parser understood its head. */
export type Framing = 'none' | 'chunked' | number;

export interface GateOwner {
  /** To the parser. */
  feed(bytes: Buffer): void;
  /** Asked right after the end of a head was fed; undefined: the parser made no request of it, or the connection is no HTTP any more. */
  framing(): Framing | undefined;
  /** The bytes are no request line, or no chunk, that we take; nothing is fed from here on. */
  refuse(reason: Rejection): void;
  /** Stop and start reading from the socket. */
  pause(): void;
  resume(): void;
}

/** The methods that Envoy's HTTP/1.1 parser knows and node's does too (istio-semantics §2.3): others are 400 before routing. */
export const METHODS: readonly string[] = (
  'ACL BIND CHECKOUT CONNECT COPY DELETE GET HEAD LINK LOCK MERGE MKACTIVITY MKCALENDAR MKCOL MOVE NOTIFY OPTIONS PATCH POST ' +
  'PROPFIND PROPPATCH PURGE PUT QUERY REBIND REPORT SEARCH SOURCE SUBSCRIBE TRACE UNBIND UNLINK UNLOCK UNSUBSCRIBE'
).split(' ');

const KNOWN = new Set(METHODS);
const REQUEST_LINE = /^([A-Z]+) [\x21-\x7e]+ HTTP\/(\d)\.(\d)\r$/;
const SIMPLE_REQUEST = /^([A-Z]+) [\x21-\x7e]+\r$/;

/** Of a chunk's size; 64 bits have sixteen. */
const TOO_MANY_DIGITS = /^[\da-f]{17}/i;

const CR = 13;
const LF = 10;
const END_OF_HEAD = '\r\n\r\n';
/** Clients have been seen to send an empty line after a body (RFC 9112 §2.2 asks to skip at least one). */
const MAX_EMPTY_LINES = 4;

/**
 * Judges a request line, its CR included. Exactly one space at both places (product.md: extra spaces and tabs are
 * refused); no version is HTTP/0.9, and every version but 1.x is as good as too low (istio-semantics §7.1, §7.4). HTTP/1.0 is
 * let through here: its head tells which refusal it gets.
 */
export function judgeRequestLine(line: string): Rejection | undefined {
  const parts = REQUEST_LINE.exec(line);
  if (parts === null) return KNOWN.has(SIMPLE_REQUEST.exec(line)?.[1] ?? '') ? UNSUPPORTED_VERSION : MALFORMED;
  if (!KNOWN.has(parts[1] as string)) return MALFORMED;
  return parts[2] === '1' && (parts[3] === '1' || parts[3] === '0') ? undefined : UNSUPPORTED_VERSION;
}

type Phase = 'start' | 'line' | 'head' | 'length' | 'chunk-size' | 'chunk-data' | 'trailers' | 'shut';

/**
 * Stands before node's parser on an HTTP/1.1 connection and does three things the parser does not.
 *
 * It looks at each request line as it was sent: llhttp takes two spaces for one, HTTP/0.9 for a request, and RTSP/1.1 for a
 * version, and shows no trace of it afterwards (edge-security F-17.18.20).
 *
 * It looks at each chunk's size: llhttp takes any number of leading zeros, and sizes that no number of ours can hold
 * (edge-security F-12.15).
 *
 * It lets one request at a time through: bytes after the end of a request wait until its answer has left. So the order of a
 * client's requests is the order in which they act, pipelining costs one read of memory, and what follows an upgrade is
 * never taken for a request. To find the end of a request it counts along, believing the parser's own reading of the head.
 * Should the two ever differ, the parser alone decides what is a request; the gate could only wait in vain.
 */
export class RequestGate {
  readonly #owner: GateOwner;
  #phase: Phase = 'start';
  #busy = false;
  #held: Buffer | undefined;
  #emptyLines = 0;
  #remaining = 0;
  #partial = '';
  /** The last request line, for the log. */
  line = '';

  constructor(owner: GateOwner) {
    this.#owner = owner;
  }

  data(chunk: Buffer): void {
    if (this.#phase === 'shut') return;
    if (this.#held !== undefined) this.#hold(Buffer.concat([this.#held, chunk]));
    else this.#run(chunk);
  }

  /** A request has come out of the parser; its answer is due. */
  begin(): void {
    this.#busy = true;
  }

  /** The answer has left: the next request may come. */
  done(): void {
    this.#busy = false;
    if (this.#phase === 'shut') return;
    const held = this.#held;
    this.#held = undefined;
    if (held !== undefined) {
      this.#owner.resume();
      this.#run(held);
    }
  }

  /** Nothing is read any more; returns the bytes that were held back. */
  shut(): Buffer | undefined {
    this.#phase = 'shut';
    const held = this.#held;
    this.#held = undefined;
    return held;
  }

  /** Everything that came was a whole request; nothing of another one has come yet. */
  get settled(): boolean {
    return this.#phase === 'start' && this.#held === undefined;
  }

  #hold(bytes: Buffer): void {
    this.#held = bytes;
    this.#owner.pause();
  }

  #run(chunk: Buffer): void {
    let fed = 0;
    let at = 0;
    while (at < chunk.length) {
      if (this.#phase === 'start') {
        // The end of the request before; what follows is judged before it is fed.
        this.#feed(chunk, fed, at);
        if (this.#phase !== 'start') return;
        if (this.#busy) {
          this.#hold(chunk.subarray(at));
          return;
        }
        at = this.#skipEmptyLines(chunk, at);
        if (at < 0) return;
        fed = at;
        continue;
      }
      const phase = this.#phase;
      at = this.#step(phase, chunk, at, fed);
      if (at < 0) return;
      if (phase === 'head' && (this.#phase as Phase) !== 'head') fed = at;
    }
    this.#feed(chunk, fed, chunk.length);
  }

  #feed(chunk: Buffer, from: number, to: number): void {
    if (this.#phase === 'shut' || to <= from) return;
    this.#owner.feed(from === 0 && to === chunk.length ? chunk : chunk.subarray(from, to));
  }

  /** One step within a request; -1: nothing of this chunk is left to do. */
  #step(phase: Exclude<Phase, 'start'>, chunk: Buffer, at: number, fed: number): number {
    switch (phase) {
      case 'line':
        return this.#requestLine(chunk, at);
      case 'head':
        return this.#head(chunk, at, fed);
      case 'length':
      case 'chunk-data': {
        const taken = Math.min(this.#remaining, chunk.length - at);
        this.#remaining -= taken;
        if (this.#remaining === 0) this.#phase = phase === 'length' ? 'start' : 'chunk-size';
        return at + taken;
      }
      case 'chunk-size':
        return this.#chunkSize(chunk, at);
      case 'trailers':
        return this.#trailerLine(chunk, at);
      case 'shut':
        return -1;
    }
  }

  #skipEmptyLines(chunk: Buffer, at: number): number {
    // A CR alone at the end of the chunk waits in `#partial`; nothing of an empty line goes to the parser.
    const cr = this.#partial !== '' ? at - 1 : at;
    const afterCr = this.#partial !== '' || chunk[at] === CR;
    if (!afterCr) {
      this.#phase = 'line';
      return at;
    }
    if (cr + 1 >= chunk.length) {
      this.#partial = '\r';
      return chunk.length;
    }
    this.#partial = '';
    this.#emptyLines += 1;
    if (chunk[cr + 1] !== LF || this.#emptyLines > MAX_EMPTY_LINES) return this.#refuse(MALFORMED);
    return cr + 2;
  }

  #requestLine(chunk: Buffer, at: number): number {
    const end = chunk.indexOf(LF, at);
    if (end < 0) {
      // Fed all the same, so that the parser's clock and its limit of the head's size see a line that never ends.
      this.#partial += chunk.toString('latin1', at, chunk.length);
      return chunk.length;
    }
    this.line = this.#partial + chunk.toString('latin1', at, end);
    const refusal = judgeRequestLine(this.line);
    if (refusal !== undefined) return this.#refuse(refusal);
    this.#phase = 'head';
    this.#partial = '\r\n';
    this.#emptyLines = 0;
    return end + 1;
  }

  /** Looks for the empty line; `#partial` has the last bytes before `at`, up to three. */
  #head(chunk: Buffer, at: number, fed: number): number {
    const seam = this.#partial + chunk.toString('latin1', at, Math.min(at + 3, chunk.length));
    const atSeam = seam.indexOf(END_OF_HEAD);
    const found = atSeam >= 0 ? at + atSeam - this.#partial.length : chunk.indexOf(END_OF_HEAD, at, 'latin1');
    if (found < 0 && atSeam < 0) {
      this.#partial = (this.#partial + chunk.toString('latin1', Math.max(at, chunk.length - 3), chunk.length)).slice(
        -3,
      );
      return chunk.length;
    }
    const end = found + END_OF_HEAD.length;
    this.#partial = '';
    this.#feed(chunk, fed, end);
    if ((this.#phase as Phase) === 'shut') return -1;
    const framing = this.#owner.framing();
    if (framing === undefined) {
      this.#phase = 'shut';
      if (end < chunk.length) this.#held = chunk.subarray(end);
      return -1;
    }
    this.#phase = framing === 'none' || framing === 0 ? 'start' : framing === 'chunked' ? 'chunk-size' : 'length';
    this.#remaining = typeof framing === 'number' ? framing : 0;
    return end;
  }

  #chunkSize(chunk: Buffer, at: number): number {
    const end = chunk.indexOf(LF, at);
    // Digits enough for any size the parser takes; an extension after them is its business.
    if (this.#partial.length < 24)
      this.#partial += chunk.toString('latin1', at, Math.min(end < 0 ? chunk.length : end, at + 24));
    if (end < 0) return chunk.length;
    const size = Number.parseInt(this.#partial, 16);
    const isOdd = TOO_MANY_DIGITS.test(this.#partial) || size > Number.MAX_SAFE_INTEGER;
    this.#partial = '';
    if (isOdd) return this.#refuse(MALFORMED);
    this.#remaining = size + 2;
    this.#phase = size === 0 ? 'trailers' : 'chunk-data';
    // What is no number the parser refuses, as soon as it is fed.
    return Number.isNaN(size) ? chunk.length : end + 1;
  }

  #trailerLine(chunk: Buffer, at: number): number {
    const end = chunk.indexOf(LF, at);
    if (this.#partial.length < 2)
      this.#partial += chunk.toString('latin1', at, Math.min(end < 0 ? chunk.length : end, at + 2));
    if (end < 0) return chunk.length;
    const empty = this.#partial === '\r';
    this.#partial = '';
    if (empty) this.#phase = 'start';
    return end + 1;
  }

  #refuse(reason: Rejection): number {
    this.#phase = 'shut';
    this.#owner.refuse(reason);
    return -1;
  }
}
