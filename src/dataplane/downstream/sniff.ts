import type { Socket } from 'node:net';
import { type ClientHello, readClientHello } from './client-hello.ts';

/** What a client speaks, by its first bytes. */
export type Spoken =
  | { readonly kind: 'tls'; readonly hello: ClientHello }
  /** HTTP/2 by prior knowledge (RFC 9113 §3.4). */
  | { readonly kind: 'http2' }
  /** Anything else; HTTP/1.1 where HTTP is served. */
  | { readonly kind: 'plain' }
  | { readonly kind: 'unintelligible' };

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

const PLAIN: Spoken = { kind: 'plain' };
const UNINTELLIGIBLE: Spoken = { kind: 'unintelligible' };

/** undefined: more bytes are needed to tell. `tls`: may a hello be among the answers? No text begins with its first byte. */
export function recognize(bytes: Buffer, tls: boolean): Spoken | undefined {
  if (bytes.length === 0) return undefined;
  if (bytes[0] === 0x16) {
    if (!tls) return UNINTELLIGIBLE;
    const reading = readClientHello(bytes);
    if (reading.kind === 'incomplete') return undefined;
    return reading.kind === 'invalid' ? UNINTELLIGIBLE : { kind: 'tls', hello: reading.hello };
  }
  const compared = Math.min(bytes.length, PREFACE.length);
  if (bytes.compare(PREFACE, 0, compared, 0, compared) !== 0) return PLAIN;
  return compared === PREFACE.length ? { kind: 'http2' } : undefined;
}

const NOTHING: Buffer = Buffer.alloc(0);

/**
 * Reads ahead until `look` can tell something of the bytes so far; `found` is then given both, and has to see to every byte.
 * Not called back when the client leaves before; who accepted the connection limits the time. `first`: what was read already.
 */
export function readAhead<T>(
  socket: Socket,
  look: (bytes: Buffer) => T | undefined,
  found: (result: T, bytes: Buffer) => void,
  first = NOTHING,
): void {
  let bytes = first;
  if (bytes.length > 0) {
    const result = look(bytes);
    if (result !== undefined) {
      found(result, bytes);
      return;
    }
  }
  const stop = (): void => {
    socket.removeListener('readable', read);
    socket.removeListener('end', leave);
  };
  const leave = (): void => {
    stop();
    socket.destroy();
  };
  const read = (): void => {
    const chunk = socket.read() as Buffer | null;
    if (chunk === null) return;
    bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
    const result = look(bytes);
    if (result === undefined) return;
    stop();
    found(result, bytes);
  };
  socket.on('readable', read);
  socket.on('end', leave);
}

/** Reads just enough to tell what is spoken, and puts every byte back: whoever takes over sees the connection from its beginning. */
export function sniff(socket: Socket, tls: boolean, decide: (spoken: Spoken) => void, first?: Buffer): void {
  readAhead(
    socket,
    (bytes) => recognize(bytes, tls),
    (spoken, bytes) => {
      socket.unshift(bytes);
      decide(spoken);
    },
    first,
  );
}
