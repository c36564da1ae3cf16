import net from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { DownstreamConnection } from '../../../../src/dataplane/downstream/connection.ts';
import { SocketTunnel, serveTcp } from '../../../../src/dataplane/downstream/tcp.ts';
import { toyPassage } from './harness.ts';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** Both ends of a connection. */
async function connected(): Promise<{ readonly ours: net.Socket; readonly theirs: net.Socket }> {
  const server = net.createServer({ allowHalfOpen: true });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const theirs = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1');
  const ours = await new Promise<net.Socket>((resolve) => server.once('connection', resolve));
  for (const socket of [ours, theirs]) socket.on('error', () => {});
  closing.push(() => {
    ours.destroy();
    theirs.destroy();
    server.close();
  });
  return { ours, theirs };
}

const options = { idleTimeoutMs: 0, onDone() {} };

describe('a raw connection', () => {
  it('that was closed before it could be served is told all the same, once', async () => {
    const { ours } = await connected();
    const connection = new DownstreamConnection(ours, 80, 0);
    const closed = new Promise((resolve) => ours.once('close', resolve));
    ours.destroy();
    await closed;
    const ended = vi.fn();
    serveTcp(connection, ours, undefined, undefined, {
      ...options,
      openTcp: () => toyPassage(async () => undefined, ended),
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(ended).toHaveBeenCalledTimes(1);
  });

  it('counts what passes on it, each way', async () => {
    const { ours, theirs } = await connected();
    const traffic = { bytesReceived: 0, bytesSent: 0 };
    const tunnel = new SocketTunnel(ours, traffic);
    const heard = new Promise((resolve) => {
      tunnel.onData = resolve;
    });
    theirs.write('hello');
    await heard;
    tunnel.write(Buffer.from('hi'));
    expect(traffic).toEqual({ bytesReceived: 5, bytesSent: 2 });
    tunnel.destroy();
    tunnel.write(Buffer.from('too late'));
    expect(traffic.bytesSent).toBe(2);
  });
});
