import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import type { OverloadLimits } from '../../src/dataplane/index.ts';

/** A process that signs, attacks and serves at once, beside others, is busy; nothing here is about that. */
export const NEVER_OVERLOADED: OverloadLimits = {
  utilization: 2,
  delayMs: Infinity,
  heap: 2,
  bufferBytes: Number.POSITIVE_INFINITY,
  requestsPerNamespace: 100_000,
};

/** A request as it reached the service. */
export interface Arrived {
  readonly method: string;
  readonly target: string;
  /** Names in lower case, in order, repeated ones too. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}

export interface RecordingUpstream {
  readonly port: number;
  readonly arrived: Arrived[];
  close(): void;
}

/** `more`: headers of its answers. */
export async function recordingUpstream(more: Readonly<Record<string, string>> = {}): Promise<RecordingUpstream> {
  const arrived: Arrived[] = [];
  const server = http.createServer((request, response) => {
    const raw = request.rawHeaders;
    const headers = Array.from(
      { length: raw.length / 2 },
      (_, i) => [`${raw[2 * i]}`.toLowerCase(), `${raw[2 * i + 1]}`] as const,
    );
    arrived.push({ method: request.method ?? '', target: request.url ?? '', headers });
    request.resume();
    for (const [name, value] of Object.entries(more)) response.setHeader(name, value);
    response.setHeader('connection', 'x-secret, keep-alive');
    response.setHeader('x-secret', 'of the hop');
    response.setHeader('proxy-connection', 'keep-alive');
    response.end('answer of the service');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    arrived,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

export interface RawAnswer {
  /** 0: closed without an answer. */
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** Bytes as they stand, on a connection of their own; the first answer. */
export async function exchange(port: number, bytes: string): Promise<RawAnswer> {
  const socket = net.connect(port, '127.0.0.1');
  let got = '';
  socket.setEncoding('latin1');
  socket.on('error', () => {});
  socket.write(Buffer.from(bytes, 'latin1'));
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, 5_000);
    const done = (): void => {
      clearTimeout(timer);
      resolve();
    };
    socket.on('close', done);
    socket.on('data', (chunk) => {
      got += chunk;
      if (isWhole(got)) done();
    });
  });
  socket.destroy();
  const split = got.indexOf('\r\n\r\n');
  const head = split < 0 ? got : got.slice(0, split);
  return {
    status: Number(/^HTTP\/1\.1 (\d{3})/.exec(got)?.[1] ?? 0),
    head,
    body: split < 0 ? '' : got.slice(split + 4),
  };
}

function isWhole(got: string): boolean {
  const split = got.indexOf('\r\n\r\n');
  if (split < 0) return false;
  const length = /\r\ncontent-length: *(\d+)/i.exec(got.slice(0, split))?.[1];
  return length === undefined ? got.endsWith('0\r\n\r\n') : got.length >= split + 4 + Number(length);
}
