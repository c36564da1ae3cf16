import { headerName, withoutSpace } from '../header-fields.ts';

/**
 * The head of an HTTP/1.1 answer, and the trailers of a chunked one, read from bytes as they come. Strict where a
 * lenient reader would see another message than the server meant; lenient exactly where Envoy is and backends rely on
 * it: bare LF, folded lines, a missing reason phrase, any three-digit status (istio-semantics §7.4).
 */

/** Envoy's default limits for answers (istio-semantics §7.4). */
export const MAX_HEAD_BYTES = 60 * 1024;
export const MAX_HEADERS = 100;

/** Read as text at once: most heads, and little of the body behind them. */
const WINDOW_BYTES = 2 * 1024;

/** HTAB, SP, visible ASCII and obs-text (RFC 9110 §5.5). */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?$/;

export interface ParsedHead {
  readonly version: 'HTTP/1.0' | 'HTTP/1.1';
  readonly status: number;
  /** name, value, name, value …; names in lower case, values Latin-1. */
  readonly headers: string[];
}

type Stage = 'status' | 'fields' | 'done' | 'failed';

/** Reads lines until the empty one. Used again for the next head after `reset`. */
export class HeadParser {
  /** Why it failed; undefined: it did not. */
  error: string | undefined;
  readonly #withStatusLine: boolean;
  #stage: Stage;
  #version: ParsedHead['version'] = 'HTTP/1.1';
  #status = 0;
  #headers: string[] = [];
  /** The line before, which a folded one continues; its value is not trimmed at the end yet. */
  #name: string | undefined;
  #value = '';
  /** Start of a line whose end has not come yet. */
  #carry = '';
  #bytes = 0;

  /** `head`: status line and fields. `trailers`: fields alone. */
  constructor(kind: 'head' | 'trailers') {
    this.#withStatusLine = kind === 'head';
    this.#stage = this.#withStatusLine ? 'status' : 'fields';
  }

  reset(): void {
    this.#stage = this.#withStatusLine ? 'status' : 'fields';
    this.#headers = [];
    this.#name = undefined;
    this.#value = '';
    this.#carry = '';
    this.#bytes = 0;
    this.error = undefined;
  }

  get done(): boolean {
    return this.#stage === 'done';
  }

  /** Not a byte of it has come, line ends before the status line aside. */
  get untouched(): boolean {
    return this.#stage === 'status' && this.#carry === '';
  }

  result(): ParsedHead {
    return { version: this.#version, status: this.#status, headers: this.#headers };
  }

  /** Takes the bytes from `position` on and returns the position behind what it used. Then look at `done` and `error`. */
  feed(bytes: Buffer, position: number): number {
    let start = position;
    while (this.#open && start < bytes.length) {
      const text = bytes.toString('latin1', start, Math.min(bytes.length, start + WINDOW_BYTES));
      const used = this.#lines(text);
      start += this.#open ? text.length : used;
      if (this.#open) this.#keep(text.slice(used));
    }
    return start;
  }

  get #open(): boolean {
    return this.#stage !== 'done' && this.#stage !== 'failed';
  }

  /** All lines that end here; returns how much of the text they are. */
  #lines(text: string): number {
    let start = 0;
    for (let end = text.indexOf('\n'); end >= 0 && this.#open; end = text.indexOf('\n', start)) {
      const line = this.#carry + text.slice(start, end);
      this.#carry = '';
      if (!this.#count(end + 1 - start)) break;
      start = end + 1;
      this.#line(line.endsWith('\r') ? line.slice(0, -1) : line);
    }
    return start;
  }

  /** The beginning of a line. */
  #keep(text: string): void {
    if (text === '' || !this.#count(text.length)) return;
    this.#carry += text;
    // Nothing that starts so is HTTP: no need to wait for the end of a line that may never come.
    if (this.#stage === 'status' && !couldBeStatusLine(this.#carry)) this.#fail('this is not HTTP/1.1');
  }

  #count(bytes: number): boolean {
    this.#bytes += bytes;
    return this.#bytes <= MAX_HEAD_BYTES || this.#fail('the head is larger than 60 KiB');
  }

  #line(line: string): void {
    if (this.#stage === 'status') this.#statusLine(line);
    else if (line === '') this.#finish();
    else if (line.startsWith(' ') || line.startsWith('\t')) this.#folded(line);
    else this.#field(line);
  }

  #statusLine(line: string): void {
    // Empty lines before a message are skipped, as RFC 9112 §2.2 advises.
    if (line === '') return;
    const match = STATUS_LINE.exec(line);
    if (match === null) {
      this.#fail('the status line is not valid');
      return;
    }
    this.#version = match[1] === '0' ? 'HTTP/1.0' : 'HTTP/1.1';
    this.#status = Number(match[2]);
    this.#stage = 'fields';
  }

  #field(line: string): void {
    if (!this.#flush()) return;
    const colon = line.indexOf(':');
    const name = headerName(line.slice(0, Math.max(colon, 0)));
    if (name === undefined) {
      this.#fail('a header name is not valid');
      return;
    }
    this.#name = name;
    this.#value = line.slice(colon + 1);
  }

  /** Envoy takes the line break out and leaves the white space (istio-semantics §7.4, recorded). */
  #folded(line: string): void {
    if (this.#name === undefined) this.#fail('the first header line is a continuation');
    else this.#value += line;
  }

  #flush(): boolean {
    if (this.#name === undefined) return true;
    const value = withoutSpace(this.#value);
    if (!VALUE.test(value)) return this.#fail('a header value is not valid');
    if (this.#headers.length >= 2 * MAX_HEADERS) return this.#fail('more than 100 headers');
    this.#headers.push(this.#name, value);
    this.#name = undefined;
    return true;
  }

  #finish(): void {
    if (this.#flush()) this.#stage = 'done';
  }

  #fail(reason: string): false {
    this.error = reason;
    this.#stage = 'failed';
    return false;
  }
}

const LINE_ENDS = /^[\r\n]+/;

function couldBeStatusLine(text: string): boolean {
  const start = text.replace(LINE_ENDS, '').slice(0, 7);
  return 'HTTP/1.'.startsWith(start);
}
