import type { OwnAnswer, OwnRequest, PluginHost } from './plugin.ts';

/** One unary gRPC call of the gateway's own. */
export interface GrpcCall<A> {
  readonly cluster: string;
  /** `/package.Service/Method`. */
  readonly method: string;
  readonly authority: string;
  /** Encoded by protobuf. */
  readonly message: Uint8Array;
  readonly timeoutMs: number;
  readonly maxAnswerBytes: number;
  readonly onAbandon?: OwnRequest['onAbandon'];
  /** May throw: the answer is malformed then. */
  readonly decode: (message: Uint8Array) => A;
}

/** `failed`: not reached, late, abandoned, another status than OK, malformed, or too large. */
export type GrpcAnswer<A> = { readonly kind: 'answer'; readonly message: A } | Extract<OwnAnswer, { kind: 'failed' }>;

const failed = (reason: string): Extract<OwnAnswer, { kind: 'failed' }> => ({ kind: 'failed', reason });

/** gRPC over HTTP/2 ("gRPC over HTTP2" of the gRPC project): one message there, one back, uncompressed. Never rejects. */
export async function callGrpc<A>(host: PluginHost['callCluster'], call: GrpcCall<A>): Promise<GrpcAnswer<A>> {
  const { cluster, method, authority, message, timeoutMs, maxAnswerBytes, onAbandon } = call;
  const answer = await host(cluster, {
    method: 'POST',
    path: method,
    authority,
    headers: [
      ['content-type', 'application/grpc'],
      ['te', 'trailers'],
      // Nobody need work on for an answer that is not waited for.
      ['grpc-timeout', grpcTimeout(timeoutMs)],
    ],
    body: framed(message),
    timeoutMs,
    maxAnswerBytes: maxAnswerBytes + PREFIX_BYTES,
    http2: true,
    ...(onAbandon !== undefined && { onAbandon }),
  });
  return answer.kind === 'failed' ? answer : read(answer, call.decode);
}

function read<A>(answer: Extract<OwnAnswer, { kind: 'answer' }>, decode: (message: Uint8Array) => A): GrpcAnswer<A> {
  if (answer.status !== 200) return failed(`HTTP status ${answer.status}`);
  const type = lineOf(answer.headers, 'content-type') ?? '';
  if (!type.startsWith('application/grpc')) return failed(`an answer of type '${type}', which is not gRPC`);
  // An answer without a message may have everything in its head.
  const last = lineOf(answer.trailers ?? [], 'grpc-status') === undefined ? answer.headers : (answer.trailers ?? []);
  const status = lineOf(last, 'grpc-status');
  if (status === undefined) return failed('no grpc-status');
  if (status !== '0')
    return failed(`grpc-status ${status} ${lineOf(last, 'grpc-message')?.slice(0, 200) ?? ''}`.trim());
  const message = unframed(answer.body);
  if (typeof message === 'string') return failed(message);
  try {
    return { kind: 'answer', message: decode(message) };
  } catch (error) {
    return failed(`malformed message: ${(error as Error).message}`);
  }
}

const lineOf = (lines: readonly (readonly [string, string])[], name: string): string | undefined =>
  lines.find(([one]) => one === name)?.[1];

/** A flag for compression, and the length in four bytes. */
const PREFIX_BYTES = 5;

function framed(message: Uint8Array): Uint8Array {
  const frame = Buffer.allocUnsafe(PREFIX_BYTES + message.length);
  frame.writeUInt8(0, 0);
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, PREFIX_BYTES);
  return frame;
}

/** As text: what is wrong with the body. */
function unframed(body: Uint8Array): Uint8Array | string {
  if (body.length < PREFIX_BYTES) return 'no message';
  if (body[0] !== 0) return 'a compressed message, which was not asked for';
  const length = new DataView(body.buffer, body.byteOffset).getUint32(1);
  if (length !== body.length - PREFIX_BYTES) return 'not exactly one message';
  return body.subarray(PREFIX_BYTES);
}

/** At most eight digits, so that what is long is told in seconds. */
const grpcTimeout = (ms: number): string =>
  ms < 1e8 ? `${Math.max(1, Math.floor(ms))}m` : `${Math.floor(ms / 1000)}S`;
