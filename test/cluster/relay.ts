import { readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { temporaryFolder } from './service-account.ts';

/**
 * A way to the API server that can be cut: then nothing comes through any more in either direction, no connection is
 * refused or closed, and those that there were stay dead for good, also when new ones come through again. That is harder
 * than a network that drops packets, which TCP overcomes by itself in time; it is what a NAT does that forgot.
 */
export interface Relay {
  /** The same access, by way of the relay. */
  readonly kubeconfig: string;
  cut(): void;
  heal(): void;
}

export async function startRelay(kubeconfig: string): Promise<Relay> {
  const config = JSON.parse(readFileSync(kubeconfig, 'utf8')) as {
    readonly clusters: readonly { readonly cluster: { server: string } }[];
  };
  const target = new URL(config.clusters[0]?.cluster.server ?? '');
  const sockets = new Set<Socket>();
  let passes = new Set<Socket>();
  let isCut = false;
  const join = (from: Socket, to: Socket): void => {
    from.on('data', (bytes: Buffer) => void (passes.has(from) && to.write(bytes)));
    from.on('error', () => {});
    from.on('close', () => {
      sockets.delete(from);
      if (passes.has(from)) to.destroy();
    });
  };
  const server = createServer((client) => {
    const api = connect(Number(target.port), target.hostname);
    for (const socket of [client, api]) {
      sockets.add(socket);
      if (!isCut) passes.add(socket);
    }
    join(client, api);
    join(api, client);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const { port } = server.address() as AddressInfo;
  for (const { cluster } of config.clusters) cluster.server = `https://127.0.0.1:${port}`;
  const file = path.join(temporaryFolder(), 'kubeconfig');
  writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
  return {
    kubeconfig: file,
    cut() {
      isCut = true;
      passes = new Set();
    },
    heal() {
      isCut = false;
    },
  };
}
