import type { HeaderList } from '../../contract/headers.ts';
import { err, ok, type Result } from '../../kernel/result.ts';
import { headerName } from '../header-fields.ts';
import type { UpstreamRequestHead } from '../stream.ts';

/** How the body of a request is told from what follows it. */
export type RequestFraming =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly length: number }
  | { readonly kind: 'chunked' };

const NONE: RequestFraming = { kind: 'none' };
const CHUNKED: RequestFraming = { kind: 'chunked' };

export function requestFraming(head: UpstreamRequestHead): RequestFraming {
  if (!head.hasBody) return NONE;
  return head.bodyLength === undefined ? CHUNKED : { kind: 'length', length: head.bodyLength };
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const TARGET = /^[\x21-\x7e\x80-\xff]+$/;
/** Beyond U+00FF a character would lose its upper byte on the way, and could become a line end. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** The connection's own business, written here and nowhere else. */
const OWN = new Set([
  'host',
  'connection',
  'content-length',
  'transfer-encoding',
  'keep-alive',
  'proxy-connection',
  'upgrade',
  'expect',
]);

/** Methods whose servers may wait for a body that nothing announces (RFC 9110 §8.6). */
const EXPECT_BODY = new Set(['POST', 'PUT', 'PATCH']);

/**
 * Request line and headers up to the empty line, to be written as Latin-1. The error names what could not be written:
 * nothing that was let in may break out of its line here.
 */
export function writeRequestHead(head: UpstreamRequestHead, framing: RequestFraming): Result<string, string> {
  if (!TOKEN.test(head.method)) return err('the method cannot be written');
  if (!TARGET.test(head.target)) return err('the target cannot be written');
  if (!VALUE.test(head.authority)) return err('the authority cannot be written');
  let text = `${head.method} ${head.target} HTTP/1.1\r\nhost: ${head.authority}\r\n`;
  const lines = writeLines(head.headers, OWN);
  if (!lines.ok) return lines;
  text += lines.value;
  if (head.expectContinue) text += 'expect: 100-continue\r\n';
  if (head.upgrade !== undefined) {
    if (!VALUE.test(head.upgrade)) return err('the upgrade cannot be written');
    text += `connection: upgrade\r\nupgrade: ${head.upgrade}\r\n`;
  }
  if (framing.kind === 'chunked') text += 'transfer-encoding: chunked\r\n';
  else if (framing.kind === 'length') text += `content-length: ${framing.length}\r\n`;
  else if (EXPECT_BODY.has(head.method) && head.upgrade === undefined) text += 'content-length: 0\r\n';
  return ok(`${text}\r\n`);
}

const NOT_IN_TRAILERS = new Set([...OWN, 'trailer', 'te', 'authorization', 'cookie', 'content-encoding']);

/** The last chunk, and the trailers behind it; a trailer that cannot be written is left out. */
export function writeLastChunk(trailers: HeaderList | undefined): string {
  const lines = trailers === undefined ? ok('') : writeLines(trailers, NOT_IN_TRAILERS);
  return `0\r\n${lines.ok ? lines.value : ''}\r\n`;
}

function writeLines(headers: HeaderList, without: ReadonlySet<string>): Result<string, string> {
  const flat = headers.raw();
  let text = '';
  for (let i = 0; i < flat.length; i += 2) {
    const name = flat[i] as string;
    const value = flat[i + 1] as string;
    if (without.has(name)) continue;
    if (headerName(name) === undefined || !VALUE.test(value)) return err('a header cannot be written');
    text += `${name}: ${value}\r\n`;
  }
  return ok(text);
}
