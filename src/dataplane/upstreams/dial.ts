import net, { type Socket } from 'node:net';
import tls, { type TLSSocket } from 'node:tls';
import type { ClientEnds, ResetReason } from '../stream.ts';
import type { DialGuard } from './dial-guard.ts';
import { proxyHeader } from './proxy-header.ts';
import type { TlsDial } from './tls.ts';
import { type ConnectOptions, connectPlain, readTls, type Wire } from './wire.ts';

export interface DialTarget {
  /** An IP address, or `unix:///path`. */
  readonly address: string;
  readonly port: number;
}

export interface DialOptions {
  readonly mayDial: DialGuard;
  /** Over the whole way: TCP and TLS. */
  readonly timeoutMs: number;
  readonly keepaliveMs: number | undefined;
  readonly tls: TlsDial | undefined;
  /** What must be agreed on; undefined: nothing is offered. */
  readonly alpn: 'h2' | 'http/1.1' | undefined;
  /** The header of the PROXY protocol that goes first; undefined: none. */
  readonly proxy: ProxySpeech | undefined;
  /** false: the socket is handed on as it is, for those who read it their own way. */
  readonly wire: boolean;
}

export interface ProxySpeech {
  readonly version: 1 | 2;
  /** undefined: the gateway speaks for itself. */
  readonly client: ClientEnds | undefined;
}

type DialFailure = Extract<ResetReason, 'connect-failure' | 'connect-timeout' | 'tls-failure'>;

export interface DialEvents {
  /** `wire` where one was asked for. Called in the very turn of the event: set its callbacks before returning. */
  onConnected(socket: Socket, wire: Wire | undefined): void;
  onFailed(reason: DialFailure, detail: string): void;
}

/** Connects; exactly one of the events follows, never within this call, unless the returned function is called first. */
export function dial(target: DialTarget, options: DialOptions, events: DialEvents): () => void {
  if (!options.mayDial(target.address, target.port)) {
    return later(() => events.onFailed('connect-failure', 'the address may not be dialled from here'));
  }
  const attempt = options.tls === undefined ? dialPlain : dialTls;
  try {
    return attempt(target, options, events);
  } catch (error) {
    // A server name that cannot be sent, a port out of range.
    return later(() => events.onFailed('connect-failure', (error as Error).message));
  }
}

function later(report: () => void): () => void {
  const timer = setImmediate(report);
  return () => clearImmediate(timer);
}

function connectOptions(target: DialTarget, { keepaliveMs, wire }: DialOptions): ConnectOptions {
  // Node's HTTP/2 never notices the end of a connection that may be half open.
  const common = { allowHalfOpen: wire, noDelay: true };
  if (target.address.startsWith('unix:')) return { ...common, path: target.address.replace(/^unix:(\/\/)?/, '') };
  return {
    ...common,
    host: target.address,
    port: target.port,
    keepAlive: keepaliveMs !== undefined,
    keepAliveInitialDelay: keepaliveMs ?? 0,
  };
}

function dialPlain(target: DialTarget, options: DialOptions, events: DialEvents): () => void {
  const where = connectOptions(target, options);
  const wire = options.wire ? connectPlain(where) : undefined;
  const socket = wire?.socket ?? net.connect(where);
  return settle(socket, 'connect', options.timeoutMs, events, (failure) => {
    if (failure !== undefined) events.onFailed('connect-failure', failure.message);
    else {
      introduce(socket, options.proxy);
      events.onConnected(socket, wire);
    }
  });
}

/** On its way; TLS begins only after the header. */
function introducedSocket(where: ConnectOptions, proxy: ProxySpeech): Socket {
  const socket = net.connect(where);
  socket.once('connect', () => introduce(socket, proxy));
  return socket;
}

/** Before anything else on the connection, and before TLS: in the clear. */
function introduce(socket: Socket, proxy: ProxySpeech | undefined): void {
  if (proxy !== undefined) socket.write(proxyHeader(proxy.version, proxy.client ?? ownEnds(socket)));
}

const ownEnds = ({ localAddress = '', localPort = 0, remoteAddress = '', remotePort = 0 }: Socket): ClientEnds => ({
  remoteAddress: localAddress,
  remotePort: localPort,
  localAddress: remoteAddress,
  localPort: remotePort,
});

function dialTls(target: DialTarget, options: DialOptions, events: DialEvents): () => void {
  const { context, serverName, verify, checkNames } = options.tls as TlsDial;
  const where = connectOptions(target, options);
  const introduced = options.proxy === undefined ? undefined : introducedSocket(where, options.proxy);
  const socket: TLSSocket = tls.connect({
    ...where,
    ...(introduced && { socket: introduced }),
    secureContext: context,
    servername: serverName,
    rejectUnauthorized: verify,
    checkServerIdentity: (_host, certificate) => {
      const problem = verify ? checkNames(certificate) : undefined;
      return problem === undefined ? undefined : new Error(problem);
    },
    ...(options.alpn === undefined ? {} : { ALPNProtocols: [options.alpn] }),
  } as tls.ConnectionOptions);
  let connected = false;
  socket.once('connect', () => {
    connected = true;
  });
  if (introduced !== undefined) {
    introduced.on('error', (error) => socket.destroy(error));
    socket.once('close', () => introduced.destroy());
  }
  return settle(socket, 'secureConnect', options.timeoutMs, events, (failure) => {
    if (failure !== undefined) events.onFailed(connected ? 'tls-failure' : 'connect-failure', failure.message);
    else if (options.alpn === 'h2' && socket.alpnProtocol !== 'h2') {
      // A backend without h2 cannot be spoken to in HTTP/2 (istio-semantics §3.6, recorded).
      socket.destroy();
      events.onFailed('connect-failure', 'the server does not offer h2');
    } else events.onConnected(socket, options.wire ? readTls(socket) : undefined);
  });
}

/** One outcome: ready, failed or too late. The socket always has somebody who hears its errors. */
function settle(
  socket: Socket,
  readyEvent: 'connect' | 'secureConnect',
  timeoutMs: number,
  events: DialEvents,
  done: (failure: Error | undefined) => void,
): () => void {
  let open = true;
  let failure: Error | undefined;
  const finish = (): boolean => {
    const first = open;
    open = false;
    clearTimeout(timer);
    return first;
  };
  const timer = setTimeout(() => {
    if (!finish()) return;
    socket.destroy();
    events.onFailed('connect-timeout', `no connection within ${timeoutMs} ms`);
  }, timeoutMs);
  timer.unref();
  socket.on('error', (error: Error) => {
    failure ??= error;
  });
  socket.once('close', () => {
    if (finish()) done(failure ?? new Error('the connection was closed'));
  });
  socket.once(readyEvent, () => {
    if (finish()) done(undefined);
  });
  return () => {
    if (finish()) socket.destroy();
  };
}
