import { once } from 'node:events';
import net from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { LendingSocket } from '../../../../src/dataplane/downstream/lending-socket.ts';

const open: { close?(): unknown; destroy?(): unknown }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) (one.destroy ?? one.close)?.call(one);
});

/** A client, and the two sockets that stand for it here: as accepted, and as lending. */
async function connected() {
  const server = net.createServer({ allowHalfOpen: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  const both = new Promise<{ accepted: net.Socket; socket: net.Socket }>((resolve) => {
    server.once('connection', (accepted) => resolve({ accepted, socket: LendingSocket.over(accepted) }));
  });
  const client = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const { accepted, socket } = await both;
  open.push(server, client, socket);
  return { server, client, accepted, socket: socket as LendingSocket };
}

const turns = async (until: () => boolean): Promise<void> => {
  for (let i = 0; i < 400 && !until(); i++) await new Promise((next) => setTimeout(next, 5));
};

describe('a lending socket', () => {
  test('stands where the accepted one stood: who is on the other end, and what is written to it', async () => {
    const { client, socket } = await connected();
    expect(socket).toBeInstanceOf(LendingSocket);
    expect([socket.remotePort, socket.localAddress]).toEqual([client.localPort, '127.0.0.1']);
    socket.write('hello');
    const [answer] = (await once(client, 'data')) as [Buffer];
    expect(answer.toString()).toBe('hello');
  });

  test('lends what it reads, always the same memory', async () => {
    const { client, socket } = await connected();
    const seen: string[] = [];
    const memory = new Set<ArrayBufferLike>();
    socket.onLent = (bytes) => {
      seen.push(bytes.toString());
      memory.add(bytes.buffer);
    };
    client.write('one');
    await turns(() => seen.length === 1);
    client.write('two');
    await turns(() => seen.length === 2);
    expect(seen).toEqual(['one', 'two']);
    expect(memory.size).toBe(1);
  });

  test('has data events of its own bytes while nobody borrows, and stops reading when nobody takes them', async () => {
    const { client, socket } = await connected();
    const chunks: Buffer[] = [];
    client.write('first');
    await turns(() => socket.readableLength > 0);
    expect((socket.read() as Buffer).toString()).toBe('first');
    // Nobody reads: what comes piles up to the stream's mark, and the rest stays with the client.
    client.write(Buffer.alloc(8_000_000, 'x'));
    await new Promise((next) => setTimeout(next, 100));
    expect(socket.readableLength).toBeLessThan(1_000_000);
    let bytes = 0;
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (chunks.length < 2) chunks.push(chunk);
    });
    await turns(() => bytes === 8_000_000);
    expect(bytes).toBe(8_000_000);
    expect(new Set(chunks.map(({ buffer }) => buffer)).size).toBe(2);
  });

  test('stops and goes on as it is told while it lends', async () => {
    const { client, socket } = await connected();
    let bytes = 0;
    socket.onLent = (lent) => {
      bytes += lent.length;
    };
    socket.pause();
    client.write('held');
    await new Promise((next) => setTimeout(next, 50));
    expect(bytes).toBe(0);
    socket.resume();
    await turns(() => bytes === 4);
    expect(bytes).toBe(4);
  });

  test.each([
    ['lends', true],
    ['does not', false],
  ])('tells that the client has no more to say, and is still there to answer, when it %s', async (_when, lends) => {
    const { client, socket } = await connected();
    if (lends) socket.onLent = () => {};
    else socket.resume();
    client.end();
    await once(socket, 'end');
    socket.end('last words');
    const [answer] = (await once(client, 'data')) as [Buffer];
    expect(answer.toString()).toBe('last words');
  });

  test('tells of a client that is gone', async () => {
    const { client, socket } = await connected();
    socket.on('error', () => {});
    socket.onLent = () => {};
    client.resetAndDestroy();
    await turns(() => socket.destroyed);
    expect(socket.destroyed).toBe(true);
  });

  test('lets its server close', async () => {
    const { server, client } = await connected();
    client.destroy();
    server.close();
    await once(server, 'close');
    expect(server.listening).toBe(false);
  });

  test('is the accepted socket itself where node is built differently', async () => {
    const socket = new net.Socket();
    expect(LendingSocket.over(socket)).toBe(socket);
    expect(socket.destroyed).toBe(false);
  });
});
