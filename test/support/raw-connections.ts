import net from 'node:net';
import { expect, vi } from 'vitest';
import type { ConnectionRecord, Filter, GatewayPlugin } from '../../src/contract/index.ts';
import { keep } from './authorized.ts';
import { frame, startGateway, type TestGateway, type TestGatewayOptions } from './gateway.ts';
import { TCP_ROUTE } from './tcp.ts';

/** What a service does with each connection. */
export type Serve = (socket: net.Socket) => void;

export async function service(serve: Serve): Promise<number> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    serve(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  keep({
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  });
  return (server.address() as net.AddressInfo).port;
}

export const saysServed: Serve = (socket) => socket.end('served');
export const silent: Serve = (socket) => void socket.on('end', () => socket.end()).resume();
export const echo: Serve = (socket) => void socket.pipe(socket);

/** A plugin with that filter, whose settings are there and say nothing. */
export const filtering = (filter: Omit<Filter, 'name'>): GatewayPlugin => {
  const name = 'own';
  return {
    spec: { name, kinds: [], compileWorkload: () => ({}) },
    plugin: Object.assign(
      async (app: Parameters<GatewayPlugin['plugin']>[0]) => app.banyan.contribute({ name, ...filter }),
      { [Symbol.for('skip-override')]: true },
    ),
  };
};

/** A gateway before a service, which is that one or listens there; closed with the rest when the test ends. */
export async function serve(
  serving: Serve | number,
  more = '',
  options: TestGatewayOptions = {},
): Promise<TestGateway> {
  const db = typeof serving === 'number' ? serving : await service(serving);
  const text = frame({ db }, 'TCP') + TCP_ROUTE + more;
  const limits = { sweepIntervalMs: 10, ...options.limits };
  return keep(await startGateway(text, { ...options, limits }));
}

/** A client that is connected; `closed` resolves with it. */
export function connect(port: number): { readonly socket: net.Socket; readonly closed: Promise<void> } {
  const socket = net.connect(port, '127.0.0.1');
  socket.on('error', () => {}).resume();
  return { socket, closed: new Promise((resolve) => socket.on('close', () => resolve())) };
}

/** What it hears next. */
export const saying = (socket: net.Socket): Promise<string> =>
  new Promise((resolve) => socket.once('data', (chunk) => resolve(chunk.toString())));

/** The one record that there is, and there is no second one a little later. */
export async function only({ connections }: TestGateway): Promise<ConnectionRecord> {
  await vi.waitFor(() => expect(connections).toHaveLength(1), { interval: 5 });
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(connections).toHaveLength(1);
  return connections[0] as ConnectionRecord;
}
