import { BinaryWriter } from '@bufbuild/protobuf/wire';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeVerdict } from '../../plugins/external-authorization/grpc-verdict.ts';
import { permit } from '../../plugins/external-authorization/verdict.ts';
import { decodeResponse } from '../../plugins/rate-limit/service-messages.ts';
import { callGrpc, type OwnAnswer } from '../../src/contract/index.ts';
import { writeMessage, writeNumber, writeText } from '../../src/contract/protobuf.ts';
import { fakeExchange } from '../support/fake-exchange.ts';

const answerOf = (body: Uint8Array): OwnAnswer => ({
  kind: 'answer',
  status: 200,
  headers: [['content-type', 'application/grpc']],
  body,
  trailers: [['grpc-status', '0']],
});

const framed = (message: Uint8Array): Uint8Array => {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
};

const call = <A>(answer: OwnAnswer, decode: (message: Uint8Array) => A) =>
  callGrpc(async () => answer, {
    cluster: 'c',
    method: '/s/m',
    authority: 'a',
    message: new Uint8Array(0),
    timeoutMs: 1,
    maxAnswerBytes: 1000,
    decode,
  });

/** Tags and lengths that lead somewhere, more often than chance would have them. */
const field = fc
  .tuple(fc.integer({ min: 1, max: 9 }), fc.uint8Array({ maxLength: 20 }))
  .map(([number, bytes]) => [(number << 3) | 2, bytes.length, ...bytes]);
const nested = fc
  .tuple(fc.integer({ min: 1, max: 9 }), fc.array(field, { maxLength: 4 }))
  .map(([number, fields]) => [(number << 3) | 2, fields.flat().length, ...fields.flat()]);
const text = fc.oneof(
  fc.constantFrom('x-a', 'host', ':path', 'a b', 'a\r\nb: c', 'a&b', ''),
  fc.string({ unit: 'binary' }),
);
/** OkHttpResponse with headers, names to remove and parameters of any text. */
const permission = fc
  .array(fc.tuple(fc.constantFrom(2, 5, 6, 7, 8), text, text, fc.nat(4)), { maxLength: 4 })
  .map((entries) => {
    const writer = new BinaryWriter();
    writeMessage(writer, 3, () => {
      for (const [number, name, value, action] of entries) {
        const named = (): void => {
          writeText(writer, 1, name);
          writeText(writer, 2, value);
        };
        if (number === 5 || number === 8) writeText(writer, number, name);
        else if (number === 7) writeMessage(writer, number, named);
        else
          writeMessage(writer, number, () => {
            writeMessage(writer, 1, named);
            writeNumber(writer, 3, action);
          });
      }
    });
    return writer.finish();
  });
const message = fc.oneof(
  permission,
  fc.uint8Array({ maxLength: 60 }),
  fc
    .array(fc.oneof(field, nested), { maxLength: 5 })
    .map((fields) => Uint8Array.from(fields.flat().map((b) => b & 255))),
);

test('no answer of an authorizer breaks the gateway, or the message that it lets through', async () => {
  await fc.assert(
    fc.asyncProperty(message, async (bytes) => {
      const answer = await call(answerOf(framed(bytes)), decodeVerdict);
      if (answer.kind === 'failed' || answer.message.kind !== 'allowed') return;
      const exchange = fakeExchange({ query: '?a=b', headers: [['host', 'shop.example.com']] });
      permit(exchange, answer.message);
      expect(exchange.headers.getAll('host')).toEqual(['shop.example.com']);
      for (const [name, value] of exchange.headers) {
        expect(name).toMatch(/^[!-~]+$/);
        expect(value).not.toMatch(/[\r\n\0]/);
      }
      expect(exchange.query).not.toMatch(/[\s#]/);
    }),
    { numRuns: 2_000 },
  );
});

test('no answer of a rate-limit service does either', async () => {
  await fc.assert(
    fc.asyncProperty(message, async (bytes) => {
      const answer = await call(answerOf(framed(bytes)), decodeResponse);
      if (answer.kind === 'failed') return;
      for (const [name, value] of [...answer.message.requestHeaders, ...answer.message.responseHeaders]) {
        expect(name).toMatch(/^[!-~]+$/);
        expect(value).not.toMatch(/[\r\n\0]/);
      }
    }),
    { numRuns: 2_000 },
  );
});

test('no body is taken for a message that is none', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 20 }), async (body) => {
      const answer = await call(answerOf(body), (bytes) => bytes.length);
      const isMessage = body.length >= 5 && body[0] === 0 && Buffer.from(body).readUInt32BE(1) === body.length - 5;
      expect(answer.kind).toBe(isMessage ? 'answer' : 'failed');
    }),
  );
});
