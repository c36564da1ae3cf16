import { headerName, withoutSpace } from '../header-fields.ts';
import { METHODS } from './http1-gate.ts';

/** The head of an ordinary request, and where what follows it begins. */
export interface FastHead {
  readonly method: string;
  readonly target: string;
  /** name, value, name, value …; names in lower case. */
  readonly headers: string[];
  /** Content-Length; undefined: none was sent, and no body follows. */
  readonly bodyLength: number | undefined;
  /** `Connection: close` was asked for. */
  readonly closes: boolean;
  /** Position behind the empty line. */
  readonly end: number;
}

/** `odd`: not to be judged here. `incomplete`: the end of the head has not come. */
export type HeadReading = FastHead | 'incomplete' | 'odd';

/** A head that is longer is not ordinary. */
const MAX_FAST_HEAD_BYTES = 16 * 1024;

const KNOWN_METHODS = new Set(METHODS.filter((method) => method !== 'CONNECT'));
/** Origin form alone (RFC 9112 §3.2.1). */
const TARGET = /^\/[\x21-\x7e]*$/;
const VERSION = ' HTTP/1.1\r\n';
/** RFC 9110 §5.5 and §5.6.2; no white space before the colon, no folded line, no bare CR or LF. */
const FIELDS = /^(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*\r\n)*$/;
const DIGITS = /^\d{1,15}$/;

/** These change what a message is, or where it ends: whoever knows all of HTTP/1.1 shall read it. */
const ODD = new Set(['transfer-encoding', 'upgrade', 'expect', 'proxy-connection']);

/**
 * Reads the head of an ordinary request. It is a strict subset of HTTP/1.1: HTTP/1.1 itself, one space where one is due, a
 * body only by one Content-Length, nothing that asks for more than an answer. What it takes, node's parser takes with the
 * same method, target, headers and end (a property test holds it to that); what it does not take it calls odd, and refuses
 * nothing. So it cannot be a second opinion on what a request is (RFC 9112 §11.2).
 */
export function readFastHead(bytes: Buffer, maxHeaders: number): HeadReading {
  const text = bytes.toString('latin1', 0, Math.min(bytes.length, MAX_FAST_HEAD_BYTES));
  const last = text.indexOf('\r\n\r\n');
  if (last < 0) return bytes.length < MAX_FAST_HEAD_BYTES && mayBecomeOrdinary(text) ? 'incomplete' : 'odd';
  const lineEnd = text.indexOf('\r\n');
  const space = text.indexOf(' ');
  const targetEnd = lineEnd + 2 - VERSION.length;
  if (space < 0 || targetEnd <= space || !text.startsWith(VERSION, targetEnd)) return 'odd';
  const method = text.slice(0, space);
  const target = text.slice(space + 1, targetEnd);
  if (!KNOWN_METHODS.has(method) || !TARGET.test(target)) return 'odd';
  const fields = readFields(text.slice(lineEnd + 2, last + 2), maxHeaders);
  return fields === undefined ? 'odd' : { method, target, ...fields, end: last + 4 };
}

const BARE_LINE_FEED = /(?:^|[^\r])\n/;

/** Nobody shall wait for the end of a head that is odd already. */
function mayBecomeOrdinary(text: string): boolean {
  const lineEnd = text.indexOf('\r\n');
  return !BARE_LINE_FEED.test(text) && (lineEnd < 0 || text.startsWith(VERSION, lineEnd + 2 - VERSION.length));
}

type Fields = Pick<FastHead, 'headers' | 'bodyLength' | 'closes'>;

function readFields(text: string, maxHeaders: number): Fields | undefined {
  if (!FIELDS.test(text)) return undefined;
  const headers: string[] = [];
  let bodyLength: number | undefined;
  let closes = false;
  for (let at = 0; at < text.length; ) {
    const colon = text.indexOf(':', at);
    const end = text.indexOf('\r\n', colon);
    const name = headerName(text.slice(at, colon)) as string;
    const value = withoutSpace(text, colon + 1, end);
    at = end + 2;
    if (ODD.has(name)) return undefined;
    if (name === 'content-length') {
      if (bodyLength !== undefined || !DIGITS.test(value)) return undefined;
      bodyLength = Number(value);
    } else if (name === 'connection') closes ||= asksToClose(value);
    headers.push(name, value);
  }
  return headers.length / 2 > maxHeaders ? undefined : { headers, bodyLength, closes };
}

const asksToClose = (value: string): boolean =>
  value !== 'keep-alive' && value.split(',').some((token) => token.trim().toLowerCase() === 'close');
