import net from 'node:net';

/** HTTP/2 by hand, for what no client library would send. */
export const Frames = {
  DATA: 0,
  HEADERS: 1,
  PRIORITY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
} as const;

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

export function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

function integer(value: number, prefixBits: number, first: number): Buffer {
  const max = 2 ** prefixBits - 1;
  if (value < max) return Buffer.from([first | value]);
  const bytes = [first | max];
  let rest = value - max;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  bytes.push(rest);
  return Buffer.from(bytes);
}

const text = (value: string): Buffer => {
  const bytes = Buffer.from(value, 'latin1');
  return Buffer.concat([integer(bytes.length, 7, 0), bytes]);
};

/** Literal fields without indexing, no Huffman coding: any bytes can be names and values. */
export const headerBlock = (lines: Iterable<readonly [string, string]>): Buffer =>
  Buffer.concat([...lines].flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]));

const MAX_FRAME = 16_384;

export class Http2Wire {
  readonly #socket: net.Socket;
  readonly #frames: Frame[] = [];
  #buffered: Buffer = Buffer.alloc(0);
  #wake: (() => void) | undefined;
  #closed = false;

  private constructor(socket: net.Socket) {
    this.#socket = socket;
    socket.on('data', (chunk) => this.#data(chunk));
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#closed = true;
      this.#wake?.();
    });
  }

  static async connect(port: number): Promise<Http2Wire> {
    const socket = net.connect(port, '127.0.0.1');
    await new Promise((resolve) => socket.once('connect', resolve));
    const wire = new Http2Wire(socket);
    wire.send(Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'));
    wire.send(frame(Frames.SETTINGS, 0, 0, Buffer.alloc(0)));
    return wire;
  }

  send(bytes: Buffer): void {
    if (this.#socket.writable) this.#socket.write(bytes);
  }

  /** HEADERS, and CONTINUATION where one frame is too small. */
  request(stream: number, lines: Iterable<readonly [string, string]>, endStream: boolean): void {
    const block = headerBlock(lines);
    for (let at = 0; at === 0 || at < block.length; at += MAX_FRAME) {
      const last = at + MAX_FRAME >= block.length;
      const flags = (at === 0 && endStream ? 1 : 0) | (last ? 4 : 0);
      this.send(
        frame(at === 0 ? Frames.HEADERS : Frames.CONTINUATION, flags, stream, block.subarray(at, at + MAX_FRAME)),
      );
    }
  }

  #data(chunk: Buffer): void {
    this.#buffered = Buffer.concat([this.#buffered, chunk]);
    while (this.#buffered.length >= 9) {
      const length = this.#buffered.readUIntBE(0, 3);
      if (this.#buffered.length < 9 + length) break;
      const [type = 0, flags = 0] = this.#buffered.subarray(3, 5);
      this.#frames.push({
        type,
        flags,
        stream: this.#buffered.readUInt32BE(5),
        payload: this.#buffered.subarray(9, 9 + length),
      });
      this.#buffered = this.#buffered.subarray(9 + length);
    }
    this.#wake?.();
  }

  /** The next frame of these types; others before it are skipped. */
  async next(...types: (keyof typeof Frames)[]): Promise<Frame> {
    const wanted = types.map((type) => Frames[type] as number);
    for (;;) {
      for (let got = this.#frames.shift(); got !== undefined; got = this.#frames.shift())
        if (wanted.includes(got.type)) return got;
      if (this.#closed) throw new Error(`closed before ${types.join(' or ')}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async closed(): Promise<void> {
    while (!this.#closed)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
  }

  /** Takes nothing, until `resume`. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  close(): void {
    this.#socket.destroy();
  }
}
