import type { Tunnel } from './stream.ts';

/** An unmasked close frame with code 1001, going away (RFC 6455 §5.5.1, §7.4.1). */
const GOING_AWAY = Uint8Array.of(0x88, 0x02, 0x03, 0xe9);
/** For the client to answer the close frame, and the server to hang up. */
const FAREWELL_MS = 2_000;

/** Where frames end in one direction (RFC 6455 §5.2). Payloads are skipped over, never looked at. */
export class FrameBoundary {
  readonly #header = new Uint8Array(14);
  #have = 0;
  #payload = 0;

  get here(): boolean {
    return this.#have === 0 && this.#payload === 0;
  }

  /** Goes on from `from` to the end of the frame, or of the chunk; where it came to. */
  next(chunk: Uint8Array, from: number): number {
    let at = from;
    while (at < chunk.length) {
      if (this.#payload > 0) {
        const taken = Math.min(this.#payload, chunk.length - at);
        this.#payload -= taken;
        at += taken;
      } else {
        this.#readHeader(chunk[at] as number);
        at += 1;
      }
      if (this.here) break;
    }
    return at;
  }

  #readHeader(byte: number): void {
    this.#header[this.#have++] = byte;
    if (this.#have < 2) return;
    const second = this.#header[1] as number;
    const short = second & 0x7f;
    const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
    if (this.#have < 2 + lengthBytes + (second & 0x80 ? 4 : 0)) return;
    let length = lengthBytes === 0 ? short : 0;
    for (let i = 2; i < 2 + lengthBytes; i++) length = length * 256 + (this.#header[i] as number);
    this.#have = 0;
    this.#payload = length;
  }
}

/**
 * The client's side of a WebSocket. What passes is not interpreted, but for where a frame ends on the way to the client:
 * there alone a frame of ours may stand.
 */
export class WebSocketSide implements Tunnel {
  readonly #client: Tunnel;
  readonly #boundary = new FrameBoundary();
  #farewell: 'none' | 'wanted' | 'said' = 'none';

  constructor(client: Tunnel) {
    this.#client = client;
  }

  /** Tells the client to go elsewhere, at the next end of a frame; what the server sends after that is not passed on. */
  goAway(): void {
    if (this.#farewell !== 'none') return;
    this.#farewell = 'wanted';
    setTimeout(() => this.#client.destroy(), FAREWELL_MS).unref();
    if (this.#boundary.here) this.#sayGoodbye();
  }

  write(chunk: Uint8Array): boolean {
    if (this.#farewell === 'said') return true;
    let at = 0;
    while (at < chunk.length) {
      at = this.#boundary.next(chunk, at);
      if (this.#farewell === 'none' || !this.#boundary.here) continue;
      const ready = this.#client.write(chunk.subarray(0, at));
      this.#sayGoodbye();
      return ready;
    }
    return this.#client.write(chunk);
  }

  #sayGoodbye(): void {
    this.#farewell = 'said';
    this.#client.write(GOING_AWAY);
  }

  end(): void {
    this.#client.end();
  }

  destroy(): void {
    this.#client.destroy();
  }

  pause(): void {
    this.#client.pause();
  }

  resume(): void {
    this.#client.resume();
  }

  get onData(): Tunnel['onData'] {
    return this.#client.onData;
  }
  set onData(callback: Tunnel['onData']) {
    this.#client.onData = callback;
  }
  get onDrain(): Tunnel['onDrain'] {
    return this.#client.onDrain;
  }
  set onDrain(callback: Tunnel['onDrain']) {
    this.#client.onDrain = callback;
  }
  get onEnd(): Tunnel['onEnd'] {
    return this.#client.onEnd;
  }
  set onEnd(callback: Tunnel['onEnd']) {
    this.#client.onEnd = callback;
  }
  get onClose(): Tunnel['onClose'] {
    return this.#client.onClose;
  }
  set onClose(callback: Tunnel['onClose']) {
    this.#client.onClose = callback;
  }
}
