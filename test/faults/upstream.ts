import http from 'node:http';
import http2 from 'node:http2';
import type { Socket } from 'node:net';
import { WebSocketServer } from 'ws';

/**
 * A service of the fault suite, in a process of its own so that it can be stopped and killed. It writes down every id that
 * reaches it, and misbehaves as it is told.
 *
 * Paths: `/…/<id>` answers the id, `/slow/…` after a while, `/large/…` two megabytes; `?` parts of the mode decide the rest.
 */
export interface UpstreamMode {
  /** Every request waits so long. */
  readonly delayMs: number;
  /** Everything is answered so. */
  readonly status: number;
  /** One in so many ids is reset before its answer, cut in the middle of a body with a length, or of one in chunks; its first try alone. */
  readonly resets: boolean;
  /** Idle connections are closed after this long; 0: kept. */
  readonly idleMs: number;
}

export interface Seen {
  /** How often each id came. */
  readonly ids: Readonly<Record<string, number>>;
  readonly requests: number;
  /** When each local address was last asked, in milliseconds since 1970. */
  readonly lastAskedMs: Readonly<Record<string, number>>;
}

export type ToUpstream = { readonly kind: 'mode'; readonly mode: UpstreamMode } | { readonly kind: 'seen' };

const ORDINARY: UpstreamMode = { delayMs: 0, status: 200, resets: false, idleMs: 0 };
let mode = ORDINARY;
let ids = new Map<string, number>();
let requests = 0;
let lastAsked = new Map<string, number>();

const server = http.createServer({ keepAliveTimeout: 0 }, (request, response) => {
  const { pathname } = new URL(request.url ?? '/', 'http://upstream');
  const id = pathname.slice(pathname.lastIndexOf('/') + 1);
  const tries = (ids.get(id) ?? 0) + 1;
  ids.set(id, tries);
  requests += 1;
  closeWhenIdle(request.socket, response);
  lastAsked.set(request.socket.localAddress ?? '', Date.now());
  let size = 0;
  request.on('data', (chunk: Buffer) => (size += chunk.length));
  request.on('end', () => {
    const delayMs = pathname.startsWith('/slow/') ? 1_500 : mode.delayMs;
    if (delayMs > 0) setTimeout(() => answer(id, tries, size, response), delayMs);
    else answer(id, tries, size, response, pathname.startsWith('/large/'));
  });
  request.on('error', () => {});
});

const idle = new WeakMap<Socket, NodeJS.Timeout>();

/** Without a word of it beforehand, which node's own timeout would say. */
function closeWhenIdle(socket: Socket, response: http.ServerResponse): void {
  clearTimeout(idle.get(socket));
  const { idleMs } = mode;
  if (idleMs > 0)
    response.on('finish', () =>
      idle.set(
        socket,
        setTimeout(() => socket.destroy(), idleMs),
      ),
    );
}

const LARGE = Buffer.alloc(2 * 2 ** 20, 'x');

function answer(id: string, tries: number, size: number, response: http.ServerResponse, large = false): void {
  const lot = mode.resets && tries === 1 ? Number(id.replaceAll(/\D/g, '')) % 20 : -1;
  const socket = response.socket as Socket;
  if (lot === 0 || lot === 1) {
    socket.resetAndDestroy();
    return;
  }
  const headers = { 'x-size': String(size), 'x-tries': String(tries) };
  if (lot === 2) {
    response.writeHead(200, { ...headers, 'content-length': '100000' });
    response.write(id);
    setTimeout(() => socket.resetAndDestroy(), 5);
  } else if (lot === 3) {
    response.writeHead(200, headers);
    response.write(id);
    setTimeout(() => socket.destroy(), 5);
  } else {
    response.writeHead(mode.status, headers);
    response.end(large ? LARGE : id);
  }
}

new WebSocketServer({ server }).on('connection', (socket) => {
  socket.on('message', (data) => socket.send(data));
  socket.on('error', () => {});
});

const grpc = http2.createServer();
grpc.on('stream', (stream) => {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  stream.on('error', () => {});
  stream.pipe(stream);
});
grpc.listen(Number(process.argv[3]), '127.0.0.1');

process.on('message', (message: ToUpstream) => {
  if (message.kind === 'mode') {
    mode = message.mode;
    process.send?.('done');
    return;
  }
  process.send?.({ ids: Object.fromEntries(ids), requests, lastAskedMs: Object.fromEntries(lastAsked) } satisfies Seen);
  ids = new Map();
  requests = 0;
  lastAsked = new Map();
});
process.on('disconnect', () => process.exit());
server.listen(Number(process.argv[2]), '0.0.0.0', () => process.send?.('listening'));
