/** What a TLS client asks for before anything is encrypted (RFC 8446 §4.1.2, RFC 6066 §3, RFC 7301). */
export interface ClientHello {
  /** Lower case; undefined: no name was asked for. */
  readonly serverName: string | undefined;
  /** In the client's order; empty: no ALPN. */
  readonly alpn: readonly string[];
}

export type HelloReading =
  | { readonly kind: 'incomplete' }
  /** Not a ClientHello, or one that cannot be trusted to mean one thing. */
  | { readonly kind: 'invalid' }
  | { readonly kind: 'hello'; readonly hello: ClientHello };

const HANDSHAKE = 0x16;
const CLIENT_HELLO = 0x01;
const SERVER_NAME = 0;
const ALPN = 16;
/** Larger than any honest hello, post-quantum key shares included. */
const MAX_HELLO_BYTES = 32 * 1024;

const INCOMPLETE: HelloReading = { kind: 'incomplete' };
const INVALID: HelloReading = { kind: 'invalid' };

/**
 * Reads SNI and ALPN out of the first bytes of a connection without touching the handshake. The hello may lie in
 * several records, and `bytes` may end anywhere.
 */
export function readClientHello(bytes: Buffer): HelloReading {
  const message = handshakeMessage(bytes);
  if (!Buffer.isBuffer(message)) return message;
  try {
    return { kind: 'hello', hello: parseHello(message) };
  } catch {
    return INVALID;
  }
}

/** The first handshake message, out of the records it lies in. */
function handshakeMessage(bytes: Buffer): Buffer | HelloReading {
  const fragments: Buffer[] = [];
  let have = 0;
  let need: number | undefined;
  for (let at = 0; ; ) {
    if (at > MAX_HELLO_BYTES) return INVALID;
    if (bytes.length < at + 5) return bytes.length > at && bytes[at] !== HANDSHAKE ? INVALID : INCOMPLETE;
    const length = bytes.readUInt16BE(at + 3);
    if (bytes[at] !== HANDSHAKE || bytes[at + 1] !== 3 || length === 0 || length > 0x4000) return INVALID;
    const fragment = bytes.subarray(at + 5, Math.min(at + 5 + length, bytes.length));
    fragments.push(fragment);
    have += fragment.length;
    if (need === undefined && have >= 4) {
      const start = Buffer.concat(fragments);
      if (start[0] !== CLIENT_HELLO) return INVALID;
      need = 4 + start.readUIntBE(1, 3);
      if (need > MAX_HELLO_BYTES) return INVALID;
    }
    if (need !== undefined && have >= need) return Buffer.concat(fragments).subarray(4, need);
    if (fragment.length < length) return INCOMPLETE;
    at += 5 + length;
  }
}

/** A cursor that throws when the bytes end early. */
class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  number(size: 1 | 2): number {
    const value = this.#bytes.readUIntBE(this.#at, size);
    this.#at += size;
    return value;
  }

  take(length: number): Buffer {
    if (length > this.left) throw new RangeError('the hello ends early');
    const part = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return part;
  }

  vector(lengthSize: 1 | 2): Buffer {
    return this.take(this.number(lengthSize));
  }
}

function parseHello(message: Buffer): ClientHello {
  const reader = new Reader(message);
  reader.take(2 + 32);
  reader.vector(1);
  reader.vector(2);
  reader.vector(1);
  let serverName: string | undefined;
  let alpn: readonly string[] = [];
  const extensions = new Reader(reader.left === 0 ? Buffer.alloc(0) : reader.vector(2));
  while (extensions.left > 0) {
    const type = extensions.number(2);
    const body = new Reader(extensions.vector(2));
    if (type === SERVER_NAME) serverName = parseServerName(body);
    else if (type === ALPN) alpn = parseAlpn(body);
  }
  return { serverName, alpn };
}

function parseServerName(body: Reader): string | undefined {
  if (body.left === 0) return undefined;
  const names = new Reader(body.vector(2));
  const type = names.number(1);
  const name = names.vector(2).toString('latin1').toLowerCase();
  // Letters, digits, hyphen, underscore and dot make every name a chain can have; anything else is no name, but could
  // break the line of a log (edge-security T-04).
  if (type !== 0 || !/^[a-z0-9._-]{1,255}$/.test(name)) throw new RangeError('no host name');
  return name;
}

function parseAlpn(body: Reader): readonly string[] {
  const list = new Reader(body.vector(2));
  const protocols: string[] = [];
  while (list.left > 0) protocols.push(list.vector(1).toString('latin1'));
  return protocols;
}
