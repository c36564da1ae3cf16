import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Framing, judgeRequestLine, RequestGate } from '../../../../src/dataplane/downstream/http1-gate.ts';

const MESSAGES: readonly { readonly head: string; readonly body: string; readonly framing: Framing }[] = [
  { head: 'GET / HTTP/1.1\r\n\r\n', body: '', framing: 'none' },
  { head: 'GET /x HTTP/1.1\r\nHost: a\r\n\r\n', body: '', framing: 'none' },
  { head: 'POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n', body: '', framing: 0 },
  { head: 'POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n', body: '\r\n\r\nGET /', framing: 9 },
  { head: 'PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n', body: '0\r\n\r\n', framing: 'chunked' },
  {
    head: 'PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n',
    body: '0000000000000005;x="\r0"\r\n0\r\n\r\n\r\n1a\r\nabcdefghijklmnopqrstuvwxyz\r\n0;y\r\nA: b\r\nC:\r\n\r\n',
    framing: 'chunked',
  },
];

/** Lets the chunks through a gate, each request answered a moment after it came; what was fed, and where requests began to wait. */
function pass(
  chunks: readonly Buffer[],
  framings: readonly Framing[],
): { readonly fed: string; readonly headsAt: readonly number[]; readonly refused: boolean } {
  let fed = '';
  let due = 0;
  let refused = false;
  const headsAt: number[] = [];
  const gate: RequestGate = new RequestGate({
    feed(bytes) {
      fed += bytes.toString('latin1');
    },
    framing() {
      const framing = framings[headsAt.length];
      headsAt.push(fed.length);
      gate.begin();
      due += 1;
      expect(due, 'one request at a time').toBe(1);
      return framing;
    },
    refuse() {
      refused = true;
    },
    pause() {},
    resume() {},
  });
  const answer = (): void => {
    while (due > 0) {
      due -= 1;
      gate.done();
    }
  };
  chunks.forEach((chunk, i) => {
    gate.data(chunk);
    if (i % 2 === 0) answer();
  });
  answer();
  return { fed, headsAt, refused };
}

describe('the gate before the parser', () => {
  test('finds every request, in whatever pieces the bytes come, and changes none', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...MESSAGES), { minLength: 1, maxLength: 5 }),
        fc.array(fc.nat({ max: 400 }), { maxLength: 12 }),
        (messages, cuts) => {
          const whole = messages.map(({ head, body }) => head + body).join('');
          const bytes = Buffer.from(whole, 'latin1');
          const at = [0, ...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b), bytes.length];
          const chunks = at.slice(1).map((end, i) => bytes.subarray(at[i], end));
          const { fed, headsAt, refused } = pass(
            chunks,
            messages.map(({ framing }) => framing),
          );
          let end = 0;
          const expected = messages.map(({ head, body }) => {
            const headEnd = end + head.length;
            end = headEnd + body.length;
            return headEnd;
          });
          expect(refused).toBe(false);
          expect(headsAt).toEqual(expected);
          expect(fed).toBe(whole);
        },
      ),
      { numRuns: 500 },
    );
  });

  test('feeds nothing after a line it refuses', () => {
    const { fed, refused } = pass([Buffer.from('GET / HTTP/1.1\r\n\r\nGET  /2 HTTP/1.1\r\n\r\n')], ['none']);
    expect(refused).toBe(true);
    expect(fed).toBe('GET / HTTP/1.1\r\n\r\n');
  });

  test('keeps what follows a head that made no request', () => {
    const gate = new RequestGate({ feed() {}, framing: () => undefined, refuse() {}, pause() {}, resume() {} });
    gate.data(Buffer.from('GET / HTTP/1.1\r\n\r\nbytes of a tunnel'));
    expect(gate.shut()?.toString()).toBe('bytes of a tunnel');
    gate.data(Buffer.from('more'));
    expect(gate.shut()).toBeUndefined();
  });
});

describe('a request line', () => {
  test.each([
    ['GET / HTTP/1.1', undefined],
    ['GET /%zz?"<>^`{|}\\#x HTTP/1.1', undefined],
    ['OPTIONS * HTTP/1.1', undefined],
    ['CONNECT a:443 HTTP/1.1', undefined],
    ['GET / HTTP/1.0', undefined],
    ['GET / HTTP/1.2', 426],
    ['GET / HTTP/0.9', 426],
    ['GET /', 426],
    ['GET / HTTP/1.1 ', 400],
    ['GET / http/1.1', 400],
    ['GET / HTTP/11', 400],
    ['GET / HTTP/1.1x', 400],
    ['GET', 400],
    ['GET ', 400],
    ['', 400],
    ['BREW /', 400],
    ['Get / HTTP/1.1', 400],
    ['__proto__ / HTTP/1.1', 400],
  ])('%j', (line, status) => {
    expect(judgeRequestLine(`${line}\r`)?.status).toBe(status);
  });

  test('ends with CR LF', () => {
    expect(judgeRequestLine('GET / HTTP/1.1')?.status).toBe(400);
    expect(judgeRequestLine('GET / HTTP/1.1\r\r')?.status).toBe(400);
  });
});
