import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AnswerReader } from '../../../../src/dataplane/upstreams/http1-answer.ts';

/** What a reader makes of the bytes when they come in these pieces. */
function read(bytes: Buffer, sizes: readonly number[], method = 'GET'): string {
  const events: string[] = [];
  let body = '';
  const reader = new AnswerReader(method, false, {
    informational: (status) => events.push(`interim ${status}`),
    head: (status, headers, endStream) => events.push(`head ${status} ${JSON.stringify(headers)} ${endStream}`),
    data: (part, start, end) => {
      body += part.toString('latin1', start, end);
    },
  });
  let used = 0;
  for (let at = 0, i = 0; at < bytes.length && !reader.complete && reader.error === undefined; i++) {
    const piece = bytes.subarray(at, at + Math.max(1, sizes[i % sizes.length] ?? 1));
    at += piece.length;
    used += reader.feed(piece);
  }
  // How far it read before it saw that it was wrong depends on the pieces, and so does the body up to there.
  if (reader.error !== undefined) return JSON.stringify([events, 'broken']);
  return JSON.stringify([
    events,
    body,
    reader.complete ? ['complete', used] : reader.ended(),
    reader.keepAlive,
    reader.trailers,
  ]);
}

const line = fc.constantFrom(
  'content-length: 5',
  'content-length: 05',
  'Content-Length: 5',
  'transfer-encoding: chunked',
  'connection: close',
  'trailer: x-a',
  'x-a: 1',
  ' folded',
  'x-empty:',
  'x bad: 1',
  'x-nul: \0',
);
const lineEnd = fc.constantFrom('\r\n', '\r\n', '\r\n', '\n');
const statusLine = fc.constantFrom(
  'HTTP/1.1 200 OK',
  'HTTP/1.1 204 No Content',
  'HTTP/1.1 100 Continue',
  'HTTP/1.1 103 Hints',
  'HTTP/1.0 200 OK',
  'HTTP/1.1 304',
  'HTTP/1.1 999 x',
  'HTTP/2 200 OK',
);
const message = fc
  .tuple(statusLine, fc.array(line, { maxLength: 4 }), lineEnd)
  .map(([status, lines, end]) => `${[status, ...lines].join(end)}${end}${end}`);
const tail = fc.constantFrom(
  '',
  'hello',
  'hello, more',
  '5\r\nhello\r\n0\r\n\r\n',
  '5;x\r\nhello\r\n0\r\nx-a: 1\r\n\r\n',
  '5\r\nhell',
  'zz\r\n',
  '\r\n',
);
const answer = fc
  .tuple(fc.array(message, { minLength: 1, maxLength: 3 }), tail)
  .map(([heads, rest]) => Buffer.from(heads.join('') + rest, 'latin1'));
const pieces = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 20 });

describe('an answer', () => {
  it('is the same in whatever pieces it comes', () => {
    fc.assert(
      fc.property(answer, pieces, fc.constantFrom('GET', 'HEAD'), (bytes, sizes, method) => {
        const whole = read(bytes, [bytes.length], method);
        expect(read(bytes, sizes, method)).toBe(whole);
        expect(read(bytes, [1], method)).toBe(whole);
      }),
      { numRuns: 2_000 },
    );
  });

  it('is read without harm from any bytes at all', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), pieces, (bytes, sizes) => {
        read(Buffer.from(bytes), sizes);
        read(Buffer.concat([Buffer.from('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n'), bytes]), sizes);
      }),
      { numRuns: 1_000 },
    );
  });
});
