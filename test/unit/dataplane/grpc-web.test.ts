import { describe, expect, it } from 'vitest';
import { HeaderList } from '../../../src/contract/headers.ts';
import { FrameEncoder64, GrpcWebAnswer, TextDecoder64, translateRequest } from '../../../src/dataplane/grpc-web.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text, 'latin1');
const text = (chunk: Uint8Array | undefined): string | undefined =>
  chunk === undefined ? undefined : Buffer.from(chunk).toString('latin1');
const frame = (content: string): string => `\0\0\0\0${String.fromCharCode(content.length)}${content}`;

describe('a gRPC-Web request', () => {
  const translated = (...pairs: [string, string][]) => {
    const headers = HeaderList.from(pairs);
    return { grpcWeb: translateRequest(headers), headers: Object.fromEntries(pairsOf(headers)) };
  };
  const pairsOf = (headers: HeaderList): [string, string][] => {
    const raw = headers.raw();
    return raw.flatMap((name, i) => (i % 2 === 0 ? [[name, raw[i + 1] as string] as [string, string]] : []));
  };

  it.each([
    ['application/grpc-web', false],
    ['application/grpc-web+proto', false],
    ['application/grpc-web-text', true],
    ['application/grpc-web-text+proto', true],
  ])('of type %s goes on as gRPC', (type, textRequest) => {
    expect(translated(['content-type', type])).toEqual({
      grpcWeb: { textRequest, textAnswer: false },
      headers: { 'content-type': 'application/grpc', te: 'trailers', 'grpc-accept-encoding': 'identity' },
    });
  });

  it('says by Accept that it wants text', () => {
    const { grpcWeb } = translated(['content-type', 'application/grpc-web'], ['accept', 'application/grpc-web-text']);
    expect(grpcWeb).toEqual({ textRequest: false, textAnswer: true });
  });

  it('keeps its own grpc-accept-encoding', () => {
    const { headers } = translated(['content-type', 'application/grpc-web'], ['grpc-accept-encoding', 'gzip']);
    expect(headers['grpc-accept-encoding']).toBe('gzip');
  });

  it.each([
    'application/grpc',
    'application/grpc+proto',
    'application/grpc-web+json',
    'application/json',
    'application/GRPC-web',
  ])('is none with type %s', (type) => {
    expect(translated(['content-type', type])).toEqual({ grpcWeb: undefined, headers: { 'content-type': type } });
  });
});

describe('the body of a text request', () => {
  const decode = (...chunks: string[]) => {
    const decoder = new TextDecoder64();
    const parts = chunks.map((chunk) => text(decoder.write(bytes(chunk))));
    return { parts, isWhole: decoder.isWhole };
  };

  it.each([
    [['aGVsbG8='], ['hello']],
    [
      ['aGV', 'sbG8='],
      ['', 'hello'],
    ],
    [['aGVsbG8=aGk='], ['hellohi']],
    [
      ['aA==', 'aA==aA=='],
      ['h', 'hh'],
    ],
    [[''], ['']],
  ])('%j is %j', (chunks, parts) => {
    expect(decode(...chunks)).toEqual({ parts, isWhole: true });
  });

  it.each([[['####']], [['a=bc']], [['====']], [['aGV ']]])('%j is refused', (chunks) => {
    expect(decode(...chunks).parts).toEqual([undefined]);
  });

  it('does not end in the middle of a group', () => {
    expect(decode('aGVsb')).toEqual({ parts: ['hel'], isWhole: false });
  });
});

describe('the body of a text answer', () => {
  it.each([1, 2, 3, 5, 7, 100])('has base64 of each frame for itself, in reads of %i bytes', (size) => {
    const body = bytes(frame('hello') + frame('') + frame('hi'));
    const encoder = new FrameEncoder64();
    let sent = '';
    for (let at = 0; at < body.length; at += size) sent += text(encoder.write(body.subarray(at, at + size)));
    expect(sent).toBe([frame('hello'), frame(''), frame('hi')].map((one) => btoa(one)).join(''));
  });
});

describe('the answer to a gRPC-Web client', () => {
  const answer = new GrpcWebAnswer({ textRequest: false, textAnswer: false });
  const headOf = (status: number, contentType: string, hasBody = true) => {
    const head = { status, headers: HeaderList.from([['content-type', contentType]]), origin: 'upstream' as const };
    return [answer.head(head, hasBody), head.headers.get('content-type')];
  };

  it('has its trailers in a last frame', () => {
    const trailers = HeaderList.from([
      ['grpc-status', '0'],
      ['X-More', 'a'],
    ]);
    expect(text(answer.trailers(trailers))).toBe('\x80\0\0\0\x19grpc-status:0\r\nx-more:a\r\n');
  });

  it.each([
    [200, 'application/grpc', false],
    [200, 'application/grpc+proto', false],
    [200, 'application/grpc-web+proto; charset=x', false],
    [503, 'application/grpc', true],
    [200, 'text/plain', true],
  ])('a %i of type %s has a body that is to be its message: %s', (status, type, kept) => {
    expect(headOf(status, type)).toEqual([kept, 'application/grpc-web+proto']);
  });

  it('keeps a head without a body as it is, but for its type', () => {
    expect(headOf(503, 'text/plain', false)).toEqual([false, 'application/grpc-web+proto']);
  });
});
