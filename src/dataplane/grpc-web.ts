import type { ResponseHead } from '../contract/exchange.ts';
import type { HeaderList } from '../contract/headers.ts';
import { isGrpcType } from './grpc-type.ts';
import { grpcMessage, grpcStatusOf } from './local-reply.ts';

/*
 * gRPC-Web for browsers, which see no trailers: at a server of protocol GRPC-WEB such a request goes on as gRPC, and the
 * answer's trailers come back as a last frame of its body (istio-semantics §1.1; gRPC's PROTOCOL-WEB).
 */

const BINARY = 'application/grpc-web+proto';
const TEXT = 'application/grpc-web-text+proto';
const TEXT_TYPES: ReadonlySet<string> = new Set(['application/grpc-web-text', TEXT]);
const TYPES: ReadonlySet<string> = new Set(['application/grpc-web', BINARY, ...TEXT_TYPES]);

/** What one request asked for: the text form is base64. */
export interface GrpcWeb {
  readonly textRequest: boolean;
  readonly textAnswer: boolean;
}

/** Makes a gRPC request of the headers; undefined: it is no gRPC-Web request, and nothing changed. */
export function translateRequest(headers: HeaderList): GrpcWeb | undefined {
  const contentType = headers.get('content-type') ?? '';
  if (!TYPES.has(contentType)) return undefined;
  headers.set('content-type', 'application/grpc');
  headers.set('te', 'trailers');
  if (!headers.has('grpc-accept-encoding')) headers.set('grpc-accept-encoding', 'identity');
  return { textRequest: TEXT_TYPES.has(contentType), textAnswer: TEXT_TYPES.has(headers.get('accept') ?? '') };
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)*$/;

/** The body of a text request, as bytes. Pieces with padding of their own may follow one another. */
export class TextDecoder64 {
  #rest = '';

  /** undefined: not base64. */
  write(chunk: Uint8Array): Uint8Array | undefined {
    const text = this.#rest + Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString('latin1');
    const whole = text.length - (text.length % 4);
    this.#rest = text.slice(whole);
    const ready = text.slice(0, whole);
    if (!BASE64.test(ready)) return undefined;
    return Buffer.concat(ready.split(/(?<==)(?!=)/).map((piece) => Buffer.from(piece, 'base64')));
  }

  /** false: the body ends in the middle of a group. */
  get isWhole(): boolean {
    return this.#rest === '';
  }
}

const FRAME_HEAD = 5;

/** The body of a text answer: each frame is base64 of its own, padding included. */
export class FrameEncoder64 {
  #head: number[] = [];
  /** Bytes of the frame's content that are still to come, once its head is known. */
  #left = 0;
  #carry: Uint8Array = new Uint8Array(0);

  write(chunk: Uint8Array): Uint8Array {
    const out: string[] = [];
    let at = 0;
    while (at < chunk.length) {
      const start = at;
      if (this.#left === 0) {
        while (at < chunk.length && this.#head.length < FRAME_HEAD) this.#head.push(chunk[at++] as number);
        if (this.#head.length === FRAME_HEAD) this.#left = Buffer.from(this.#head).readUInt32BE(1);
      } else {
        at = Math.min(chunk.length, at + this.#left);
        this.#left -= at - start;
      }
      const isEnd = this.#head.length === FRAME_HEAD && this.#left === 0;
      out.push(this.#encode(chunk.subarray(start, at), isEnd));
      if (isEnd) this.#head = [];
    }
    return Buffer.from(out.join(''), 'latin1');
  }

  #encode(bytes: Uint8Array, isEnd: boolean): string {
    const all = Buffer.concat([this.#carry, bytes]);
    const ready = isEnd ? all.length : all.length - (all.length % 3);
    this.#carry = all.subarray(ready);
    return all.toString('base64', 0, ready);
  }
}

const TRAILER_FRAME = 0x80;

function trailerFrame(trailers: HeaderList): Uint8Array {
  const raw = trailers.raw();
  let text = '';
  for (let i = 0; i < raw.length; i += 2) text += `${(raw[i] as string).toLowerCase()}:${raw[i + 1]}\r\n`;
  const frame = Buffer.alloc(FRAME_HEAD + text.length);
  frame[0] = TRAILER_FRAME;
  frame.writeUInt32BE(text.length, 1);
  frame.write(text, FRAME_HEAD, 'latin1');
  return frame;
}

/** So much of an answer that is no gRPC is kept as its message. */
const MAX_MESSAGE_BYTES = 16_384;

/** One answer on its way back to a gRPC-Web client. */
export class GrpcWebAnswer {
  readonly #encoder: FrameEncoder64 | undefined;
  readonly #contentType: string;
  #text: Uint8Array[] = [];
  #textBytes = 0;

  constructor({ textAnswer }: GrpcWeb) {
    this.#encoder = textAnswer ? new FrameEncoder64() : undefined;
    this.#contentType = textAnswer ? TEXT : BINARY;
  }

  /** true: the body is no gRPC; it is to be kept with `keep`, and to end in the head's message (`closeHead`). */
  head({ status, headers }: ResponseHead, hasBody: boolean): boolean {
    const contentType = headers.get('content-type') ?? '';
    headers.remove('content-length');
    headers.set('content-type', this.#contentType);
    return hasBody && !(status === 200 && isGrpcAnswer(contentType));
  }

  keep(chunk: Uint8Array): void {
    if (this.#textBytes < MAX_MESSAGE_BYTES) this.#text.push(chunk);
    this.#textBytes += chunk.length;
  }

  closeHead(head: ResponseHead): void {
    setMessage(head, Buffer.concat(this.#text).subarray(0, MAX_MESSAGE_BYTES).toString('utf8'));
  }

  data(chunk: Uint8Array): Uint8Array {
    return this.#encoder === undefined ? chunk : this.#encoder.write(chunk);
  }

  trailers(trailers: HeaderList): Uint8Array {
    const frame = trailerFrame(trailers);
    return this.#encoder === undefined ? frame : Buffer.from(Buffer.from(frame).toString('base64'), 'latin1');
  }
}

/** The text of an answer that is no gRPC, where a gRPC-Web client looks for it; its status stays beside it. */
export function setMessage({ status, headers }: ResponseHead, text: string): void {
  headers.set('grpc-message', grpcMessage(text));
  headers.set('grpc-status', String(grpcStatusOf(status)));
}

const isGrpcAnswer = (contentType: string): boolean =>
  isGrpcType(contentType) || /^application\/grpc-web(?:\+proto)?\s*(?:;.*)?$/i.test(contentType);
