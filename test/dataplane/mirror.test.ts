import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { afterEach, expect, it, vi } from 'vitest';
import { frame, startGateway, type TestGateway, virtualService } from '../support/gateway.ts';
import { startUpstreams, type TestUpstreams } from '../support/upstreams.ts';

const SIZE = 3_000_000;

let gateway: TestGateway | undefined;
let upstreams: TestUpstreams | undefined;
afterEach(async () => {
  await gateway?.close();
  gateway = undefined;
  upstreams?.close();
  upstreams = undefined;
});

const mirrored = (mirror: string): string =>
  virtualService('all', `- route: [{ destination: { host: main.test } }]\n  mirror: { host: ${mirror} }`);

/** What the services have seen of each request: its Expect, and how much of a body. */
async function start(more: Readonly<Record<string, number>>, mirror: string) {
  const seen: Record<number, string> = {};
  upstreams = await startUpstreams(2, (index, request, response) => {
    let bytes = 0;
    request.on('data', (chunk: Buffer) => (bytes += chunk.length));
    request.on('end', () => {
      seen[index] = `${request.headers.expect ?? '-'} ${bytes}`;
      response.end();
    });
  });
  const [main = 0, copy = 0] = upstreams.ports;
  gateway = await startGateway(frame({ main, copy, ...more }) + mirrored(mirror));
  return { seen, port: gateway.port };
}

async function post(port: number, headers: http.OutgoingHttpHeaders, body: Buffer): Promise<number | undefined> {
  const request = http.request({
    port,
    method: 'POST',
    headers: { host: 'shop.example.com', ...headers },
    agent: false,
  });
  if (headers['expect'] !== undefined) {
    request.flushHeaders();
    await once(request, 'continue');
  }
  request.end(body);
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  response.resume();
  return response.statusCode;
}

it('a mirror gets a body of any size', async () => {
  const { seen, port } = await start({}, 'copy.test');
  expect(await post(port, {}, Buffer.alloc(SIZE))).toBe(200);
  await vi.waitFor(() => expect(seen).toEqual({ 0: `- ${SIZE}`, 1: `- ${SIZE}` }));
});

it('a mirror is told what the client expects, as the service is', async () => {
  const { seen, port } = await start({}, 'copy.test');
  expect(await post(port, { expect: '100-continue' }, Buffer.from('hi'))).toBe(200);
  await vi.waitFor(() => expect(seen).toEqual({ 0: '100-continue 2', 1: '100-continue 2' }));
});

it('a mirror that reads nothing loses its copy, and holds up nothing', async () => {
  const stuck = net.createServer({ pauseOnConnect: true }, (socket) => socket.on('error', () => {}));
  stuck.listen(0, '127.0.0.1');
  await once(stuck, 'listening');
  const { seen, port } = await start({ stuck: (stuck.address() as AddressInfo).port }, 'stuck.test');
  const large = 10 * SIZE;
  expect(await post(port, {}, Buffer.alloc(large))).toBe(200);
  expect(seen).toEqual({ 0: `- ${large}` });
  await vi.waitFor(() => expect(gateway?.gateway.connections().activeRequests).toBe(0));
  stuck.close();
});

/** Accepts upgrades when told to (at once, or by `accept`), and notes what it hears. */
async function startSocketServer(accepts: 'at once' | 'late' | 'never') {
  const heard = { head: '', text: '', closed: false, accept: () => {} };
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.on('close', () => (heard.closed = true));
    const accept = (): void =>
      void socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n');
    socket.once('data', (head: Buffer) => {
      heard.head = head.toString('latin1');
      socket.on('data', (chunk: Buffer) => (heard.text += chunk.toString('latin1')));
      if (accepts === 'at once') accept();
      else if (accepts === 'late') heard.accept = accept;
      else socket.write('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { heard, port: (server.address() as AddressInfo).port, close: () => void server.close() };
}

async function upgradeWithMirror(service: 'at once' | 'never', mirror: 'at once' | 'late' | 'never') {
  const [main, copy] = await Promise.all([startSocketServer(service), startSocketServer(mirror)]);
  gateway = await startGateway(frame({ main: main.port, copy: copy.port }) + mirrored('copy.test'));
  const client = net.connect(gateway.port, '127.0.0.1');
  client.write('GET /chat HTTP/1.1\r\nHost: shop.example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
  const [answer] = (await once(client, 'data')) as [Buffer];
  await vi.waitFor(() => expect(copy.heard.head).toMatch(/^GET \/chat .*\r\nupgrade: websocket\r\n/s));
  const close = (): void => {
    client.destroy();
    main.close();
    copy.close();
  };
  return { client, status: answer.toString('latin1', 9, 12), main: main.heard, copy: copy.heard, close };
}

it('a mirror gets a WebSocket as one, with what the client says, until the client is gone', async () => {
  const { client, status, main, copy, close } = await upgradeWithMirror('at once', 'at once');
  expect(status).toBe('101');
  client.write('one');
  await vi.waitFor(() => expect([main.text, copy.text]).toEqual(['one', 'one']));
  client.destroy();
  await vi.waitFor(() => expect([main.closed, copy.closed]).toEqual([true, true]));
  await vi.waitFor(() => expect(gateway?.gateway.connections().activeRequests).toBe(0));
  close();
});

it('a mirror that is slow to take a WebSocket hears nothing of it before, and all of it then', async () => {
  const { client, main, copy, close } = await upgradeWithMirror('at once', 'late');
  client.write('one');
  await vi.waitFor(() => expect(main.text).toBe('one'));
  expect(copy.text).toBe('');
  copy.accept();
  await vi.waitFor(() => expect(copy.text).toBe('one'));
  client.write('two');
  await vi.waitFor(() => expect([main.text, copy.text]).toEqual(['onetwo', 'onetwo']));
  close();
});

it('a mirror that refuses a WebSocket, or one whose service refuses it, ends with that', async () => {
  const refusing = await upgradeWithMirror('at once', 'never');
  refusing.client.write('one');
  await vi.waitFor(() => expect(refusing.main.text).toBe('one'));
  expect([refusing.status, refusing.copy.text]).toEqual(['101', '']);
  refusing.close();
  await gateway?.close();
  const refused = await upgradeWithMirror('never', 'late');
  expect(refused.status).toBe('403');
  await vi.waitFor(() => expect(refused.copy.closed).toBe(true));
  refused.close();
});
