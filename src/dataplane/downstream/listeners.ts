import { createServer, type Server } from 'node:net';
import type { Clock } from '../../kernel/clock.ts';
import type { CredentialTable, Listener } from '../../table/model.ts';
import { type Acceptor, type BoundListener, bindListener, chainsOf } from './accept.ts';
import type { Connections } from './connection.ts';
import type { DownstreamLimits } from './limits.ts';
import type { Terminators, UnusableServer } from './tls-terminators.ts';

export interface ListenerReport {
  /** The Gateway's own number. */
  readonly port: number;
  readonly address: string;
  /** What the socket is bound to, the port offset added. */
  readonly boundPort: number;
  readonly state: 'listening' | 'failed';
  /** Why it is not listening, such as `EADDRINUSE`; it is tried again. */
  readonly error: string | undefined;
  /** TLS servers that no client gets into, as their key material is missing or unusable; the others are not concerned. */
  readonly unusable: readonly UnusableServer[];
}

export interface ListenersOptions {
  readonly listenAddress: string;
  readonly portOffset: number;
  readonly reusePort: boolean;
  readonly acceptor: Acceptor;
  readonly connections: Connections;
  readonly terminators: Terminators;
  readonly limits: DownstreamLimits;
  readonly clock: Clock;
}

const keyOf = (listener: Listener): string => `${listener.bind ?? ''} ${listener.port}`;

/** One port of the table, with its socket. */
class Port {
  readonly #options: ListenersOptions;
  #bound: BoundListener;
  #server: Server | undefined;
  #error: string | undefined;
  #retry: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(listener: Listener, options: ListenersOptions) {
    this.#options = options;
    this.#bound = bindListener(listener);
  }

  get listener(): Listener {
    return this.#bound.listener;
  }

  /** What connections find from now on; those that are there keep what they found. */
  update(listener: Listener): void {
    if (listener !== this.#bound.listener) this.#bound = bindListener(listener);
  }

  /** Resolves when the socket listens, or could not be bound; a later attempt follows by itself. */
  async open(): Promise<void> {
    if (this.#server !== undefined || this.#closed) return;
    clearTimeout(this.#retry);
    const { listenAddress, portOffset, reusePort, acceptor, limits } = this.#options;
    const server = createServer({ allowHalfOpen: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 });
    server.on('connection', (socket) => acceptor.accept(socket, this.#bound));
    this.#server = server;
    const failure = await new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
      server.once('error', resolve);
      server.listen(
        {
          host: this.listener.bind ?? listenAddress,
          port: this.listener.port + portOffset,
          backlog: 4096,
          ...(reusePort ? { reusePort } : {}),
        },
        () => {
          server.removeListener('error', resolve);
          resolve(undefined);
        },
      );
    });
    // Later errors are of single connections that could not be accepted (no descriptors left): the next may.
    server.on('error', () => {});
    this.#error = failure === undefined ? undefined : (failure.code ?? 'unknown');
    if (failure === undefined) {
      if (this.#closed) server.close();
      return;
    }
    this.#server = undefined;
    if (this.#closed) return;
    this.#retry = setTimeout(() => void this.open(), limits.bindRetryMs);
    this.#retry.unref();
  }

  /** Stops accepting. Connections are not concerned. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    if (this.#server?.listening === true) this.#server.close();
  }

  report(): ListenerReport {
    const { listenAddress, portOffset, terminators } = this.#options;
    const { listener } = this;
    return {
      port: listener.port,
      address: listener.bind ?? listenAddress,
      boundPort: listener.port + portOffset,
      state: this.#server?.listening === true ? 'listening' : 'failed',
      error: this.#error,
      unusable: terminators.unusable(listener.tls.map((server) => server.id)),
    };
  }
}

/** The ports of the table, opened, changed and closed without a connection noticing that is not concerned. */
export class Listeners {
  readonly #options: ListenersOptions;
  readonly #ports = new Map<string, Port>();
  #applied: readonly Listener[] | undefined;
  #credentials: CredentialTable | undefined;
  #chains: ReadonlySet<string> = new Set();
  #stopped = false;

  constructor(options: ListenersOptions) {
    this.#options = options;
  }

  async apply(listeners: readonly Listener[], credentials: CredentialTable): Promise<readonly ListenerReport[]> {
    if (this.#stopped || (listeners === this.#applied && credentials === this.#credentials)) return this.reports();
    this.#applied = listeners;
    this.#credentials = credentials;
    this.#options.terminators.update(
      listeners.flatMap((listener) => listener.tls),
      credentials,
    );
    const wanted = new Map(listeners.map((listener) => [keyOf(listener), listener]));
    for (const [key, port] of this.#ports) {
      if (wanted.has(key)) continue;
      port.close();
      this.#ports.delete(key);
    }
    const opening: Promise<void>[] = [];
    for (const [key, listener] of wanted) {
      const port = this.#ports.get(key) ?? new Port(listener, this.#options);
      this.#ports.set(key, port);
      port.update(listener);
      opening.push(port.open());
    }
    this.#drainOrphans(listeners);
    await Promise.all(opening);
    return this.reports();
  }

  /** Connections whose chain is gone finish what is under way, and are cut if that takes too long. */
  #drainOrphans(listeners: readonly Listener[]): void {
    const { connections, limits, clock } = this.#options;
    const before = this.#chains;
    const now = new Set(listeners.flatMap(chainsOf));
    this.#chains = now;
    const gone = new Set([...before].filter((chain) => !now.has(chain)));
    if (gone.size === 0) return;
    const orphans = connections.drain(
      clock.monotonicMs() + limits.drainIdleMs,
      ({ chain }) => chain !== undefined && gone.has(chain),
    );
    setTimeout(() => {
      for (const orphan of orphans) orphan.socket.destroy();
    }, limits.removedListenerGraceMs).unref();
  }

  reports(): readonly ListenerReport[] {
    return [...this.#ports.values()].map((port) => port.report());
  }

  /** No port accepts any more, and none will. */
  stop(): void {
    this.#stopped = true;
    for (const port of this.#ports.values()) port.close();
  }
}
