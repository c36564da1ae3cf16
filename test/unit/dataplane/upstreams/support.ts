import net from 'node:net';
import { HeaderList } from '../../../../src/contract/headers.ts';
import type {
  Tunnel,
  UpstreamExchange,
  UpstreamFailure,
  UpstreamReceiver,
  UpstreamRequestHead,
} from '../../../../src/dataplane/stream.ts';
import { createUpstreams, type UpstreamsOptions } from '../../../../src/dataplane/upstreams/index.ts';
import type { UpstreamCluster, UpstreamHost } from '../../../../src/dataplane/upstreams/port.ts';
import type { Cluster, ConnectionSettings, Credential, Endpoint } from '../../../../src/table/model.ts';

const UNLIMITED: ConnectionSettings = {
  connectTimeoutMs: 2_000,
  maxConnections: undefined,
  maxPendingRequests: undefined,
  maxRequests: undefined,
  maxRetries: undefined,
  retryBudget: undefined,
  maxRequestsPerConnection: undefined,
  maxConcurrentStreams: undefined,
  idleTimeoutMs: undefined,
  maxConnectionDurationMs: undefined,
  tcpKeepaliveMs: undefined,
  http2KeepAlive: undefined,
};

export function clusterOf(
  changes: Partial<Omit<Cluster, 'connections'>> & { readonly connections?: Partial<ConnectionSettings> } = {},
): Cluster {
  return {
    id: 'outbound|80||orders.shop',
    host: 'orders.shop',
    port: 80,
    subset: undefined,
    namespace: 'shop',
    protocol: 'http1',
    discovery: { kind: 'endpoints' },
    loadBalancer: { kind: 'round-robin', warmup: undefined },
    outlierDetection: undefined,
    tls: undefined,
    ...changes,
    connections: { ...UNLIMITED, ...changes.connections },
  };
}

export const endpointOf = (port: number, changes: Partial<Endpoint> = {}): Endpoint => ({
  address: '127.0.0.1',
  port,
  weight: 1,
  healthy: true,
  locality: '',
  priority: 0,
  ...changes,
});

export const headOf = (changes: Partial<UpstreamRequestHead> = {}): UpstreamRequestHead => ({
  method: 'GET',
  target: '/',
  scheme: 'http',
  authority: 'orders.example.com',
  headers: HeaderList.empty(),
  bodyLength: 0,
  hasBody: false,
  upgrade: undefined,
  expectContinue: false,
  ...changes,
});

/** Everything that a try reports, and a promise of its end. */
export class Recorder implements UpstreamReceiver {
  readonly events: string[] = [];
  readonly chunks: Uint8Array[] = [];
  readonly informational: [number, HeaderList][] = [];
  status: number | undefined;
  headers: HeaderList | undefined;
  endStream: boolean | undefined;
  trailers: HeaderList | undefined;
  failure: UpstreamFailure | undefined;
  tunnel: Tunnel | undefined;
  first: Uint8Array | undefined;
  connection: { readonly address: string; readonly reused: boolean } | undefined;
  onChunk: ((chunk: Uint8Array) => void) | undefined;
  onReady: (() => void) | undefined;
  onAnswer: (() => void) | undefined;
  onWritable: (() => void) | undefined;
  readonly ended: Promise<this>;
  #end!: (recorder: this) => void;

  constructor() {
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  get body(): string {
    return Buffer.concat(this.chunks).toString('latin1');
  }

  onConnected(info: { readonly address: string; readonly localAddress: string; readonly reused: boolean }): void {
    this.events.push('connected');
    this.connection = info;
    this.onReady?.();
  }

  onInformational(status: number, headers: HeaderList): void {
    this.events.push(`informational ${status}`);
    this.informational.push([status, headers]);
  }

  onHead(status: number, headers: HeaderList, endStream: boolean): void {
    this.events.push(`head ${status}`);
    this.status = status;
    this.headers = headers;
    this.endStream = endStream;
    this.onAnswer?.();
  }

  onData(chunk: Uint8Array): void {
    if (this.onChunk !== undefined) this.onChunk(chunk);
    else this.chunks.push(chunk);
  }

  onEnd(trailers: HeaderList | undefined): void {
    this.events.push('end');
    this.trailers = trailers;
    this.#end(this);
  }

  onUpgraded(headers: HeaderList, tunnel: Tunnel, first: Uint8Array): void {
    this.events.push('upgraded');
    this.headers = headers;
    this.tunnel = tunnel;
    this.first = first;
    this.#end(this);
  }

  onFailed(failure: UpstreamFailure): void {
    this.events.push(`failed ${failure.reason}`);
    this.failure = failure;
    this.#end(this);
  }

  onDrain(): void {
    this.events.push('drain');
    this.onWritable?.();
  }
}

export interface Rig {
  readonly upstreams: ReturnType<typeof createUpstreams>;
  readonly cluster: UpstreamCluster;
  host(): UpstreamHost;
  /** Starts a try; the body goes out with it. */
  start(head?: Partial<UpstreamRequestHead>, body?: readonly (string | Uint8Array)[]): Started;
  update(cluster: Cluster, endpoints: readonly Endpoint[], credentials?: Readonly<Record<string, Credential>>): void;
}

interface Started {
  readonly recorder: Recorder;
  readonly exchange: UpstreamExchange;
}

/** One cluster of one endpoint, or of those given. */
export function rigFor(
  where: number | readonly Endpoint[],
  cluster: Cluster = clusterOf(),
  options: UpstreamsOptions = {},
  credentials: Readonly<Record<string, Credential>> = {},
): Rig {
  const upstreams = createUpstreams({ mayDial: () => true, ...options });
  const update: Rig['update'] = (next, endpoints, secrets = {}) =>
    upstreams.update({
      clusters: [next],
      endpoints: { revision: '', clusters: { [next.id]: endpoints } },
      credentials: { revision: '', credentials: secrets },
    });
  update(cluster, typeof where === 'number' ? [endpointOf(where)] : where, credentials);
  const live = (): UpstreamCluster => {
    const found = upstreams.get(cluster.id);
    if (found === undefined) throw new Error('no such cluster');
    return found;
  };
  const host = (): UpstreamHost => {
    const picked = live().pick({ hash: undefined, avoid: new Set() });
    if (picked === undefined) throw new Error('no host');
    return picked;
  };
  return {
    upstreams,
    get cluster() {
      return live();
    },
    host,
    start(head = {}, body) {
      const recorder = new Recorder();
      const bytes = body?.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part)) ?? [];
      const exchange = live().start(
        host(),
        headOf(body === undefined ? head : { hasBody: true, bodyLength: undefined, method: 'POST', ...head }),
        recorder,
        'HTTP/1.1',
      );
      if (body !== undefined) {
        for (const part of bytes) exchange.write(part);
        exchange.end();
      }
      return { recorder, exchange };
    },
    update,
  };
}

const cleanups: (() => void | Promise<void>)[] = [];

/** Run by `afterEach(cleanUp)`: whatever a test opened. */
export async function cleanUp(): Promise<void> {
  for (const clean of cleanups.splice(0).reverse()) await clean();
}

export const later = (clean: () => void | Promise<void>): void => void cleanups.push(clean);

export interface RawServer {
  readonly port: number;
  /** Those whose other end is still there. */
  readonly sockets: ReadonlySet<net.Socket>;
  /** Connections accepted so far. */
  accepted(): number;
}

/** A TCP server that ends with the test. */
export async function rawServer(onConnection: (socket: net.Socket, index: number) => void): Promise<RawServer> {
  const sockets = new Set<net.Socket>();
  const all = new Set<net.Socket>();
  let accepted = 0;
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('end', () => sockets.delete(socket));
    socket.on('close', () => {
      sockets.delete(socket);
      all.delete(socket);
    });
    all.add(socket);
    onConnection(socket, accepted++);
  });
  const port = await listen(server);
  later(async () => {
    for (const socket of all) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return { port, sockets, accepted: () => accepted };
}

export const listen = (server: net.Server): Promise<number> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve((server.address() as net.AddressInfo).port));
  });

/** Answers each request head that comes, by its number on its connection. */
export function answering(
  answer: (request: string, index: number) => string | Buffer | undefined,
): (socket: net.Socket) => void {
  return (socket) => {
    let text = '';
    let index = 0;
    socket.on('data', (data) => {
      text += data.toString('latin1');
      for (let end = text.indexOf('\r\n\r\n'); end !== -1; end = text.indexOf('\r\n\r\n')) {
        const request = text.slice(0, end + 4);
        text = text.slice(end + 4);
        const reply = answer(request, index++);
        if (reply !== undefined) socket.write(reply as string, 'latin1');
      }
    });
    socket.on('end', () => socket.end());
  };
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits for something to become true; the test's own time limit ends it. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await pause(2);
}

export const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';
