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
