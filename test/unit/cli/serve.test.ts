import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { connect, createServer, type Server } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { freePort } from '../../support/free-port.ts';
import { CALLER, textHeader } from '../../support/proxy-header.ts';
import { routesDirectory } from './run.ts';

/** The whole product as one process, on a real directory: the routes lead to a server of the test's own. */

let backend: http.Server;
let backendPort: number;
const held: http.ServerResponse[] = [];
const children: ChildProcess[] = [];
const removals: (() => void)[] = [];

beforeAll(async () => {
  backend = http.createServer((request, response) => {
    if (request.url === '/hold') held.push(response);
    else response.end(`backend ${request.url}`);
  });
  backendPort = await listen(backend);
});
afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
  for (const remove of removals) remove();
  backend.close();
});

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as { port: number }).port;
}

const gateway = (port: number): string => `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge }
spec:
  selector: { istio: ingressgateway }
  servers: [{ port: { number: ${port}, name: http, protocol: HTTP }, hosts: ["*"] }]
`;
const services = (): string => `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: backend }
spec:
  hosts: [backend.internal]
  ports: [{ number: ${backendPort}, name: http, protocol: HTTP }]
  resolution: STATIC
  endpoints: [{ address: 127.0.0.1 }]
`;
const route = (prefix: string): string => `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: shop }
spec:
  hosts: [shop.example.com]
  gateways: [infra/edge]
  http: [{ match: [{ uri: { prefix: ${prefix} } }], route: [{ destination: { host: backend.internal, port: { number: ${backendPort} } } }] }]
`;

interface Served {
  readonly child: ChildProcess;
  readonly dir: string;
  readonly port: number;
  readonly output: () => string;
  readonly end: Promise<number | null>;
  get(path: string): Promise<{ readonly status: number; readonly body: string }>;
  admin(path: string): Promise<{ readonly status: number; readonly json: Record<string, unknown> }>;
}

async function serve(
  files?: (port: number) => Readonly<Record<string, string>>,
  args: readonly string[] = [],
): Promise<Served> {
  const [port, adminPort] = [await freePort(), await freePort()];
  const { dir, remove } = routesDirectory(
    files?.(port) ?? {
      'infra/gateway.yaml': gateway(port),
      'shop/services.yaml': services(),
      'shop/shop.yaml': route('/'),
    },
  );
  removals.push(remove);
  const child = spawn(
    process.execPath,
    [
      'bin/banyan.js',
      'serve',
      '--dir',
      dir,
      '--listen-address',
      '127.0.0.1',
      '--admin-port',
      String(adminPort),
      // Workers have a test of their own.
      '--workers',
      '1',
      ...args,
    ],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  children.push(child);
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (text += chunk));
  return {
    child,
    dir,
    port,
    output: () => text,
    end: once(child, 'close').then(([code]) => code as number | null),
    get: (target) => get(port, target, { host: 'shop.example.com' }),
    admin: async (target) => {
      const { status, body } = await get(adminPort, target, {});
      return { status, json: JSON.parse(body) };
    },
  };
}

function get(
  port: number,
  target: string,
  headers: Readonly<Record<string, string>>,
): Promise<{ readonly status: number; readonly body: string }> {
  return new Promise((resolve, reject) => {
    const request = http.get({ host: '127.0.0.1', port, path: target, headers, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk) => (body += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      response.on('error', reject);
    });
    request.on('error', reject);
  });
}

const ready = (served: Served): Promise<void> =>
  vi.waitFor(async () => expect((await served.admin('/readyz')).status).toBe(200), { timeout: 10_000, interval: 20 });

describe.concurrent('banyan serve', () => {
  it('is not ready before anything compiles, and then is', async () => {
    const { dir, remove } = routesDirectory({
      'demanding.mjs':
        "export default { spec: { name: 'demanding', kinds: ['RateLimit'], compileWorkload({ policies }) { if (policies.length === 0) throw new Error('there must be limits'); } }, plugin: async (app) => app.banyan.contribute({ name: 'demanding' }) };",
    });
    removals.push(remove);
    const served = await serve(undefined, ['--plugin', path.join(dir, 'demanding.mjs')]);
    await vi.waitFor(() => expect(served.output()).toContain('nothing is in service'), {
      timeout: 10_000,
      interval: 20,
    });
    expect(served.output()).toContain("the filter 'demanding' fails on the routes: there must be limits");
    expect(await served.admin('/readyz')).toMatchObject({
      status: 503,
      json: { ready: false, reason: expect.stringContaining('could not be compiled') as string },
    });
    mkdirSync(path.join(served.dir, 'istio-system'), { recursive: true });
    writeFileSync(
      path.join(served.dir, 'istio-system/limit.yaml'),
      'apiVersion: banyan.dev/v1alpha1\nkind: RateLimit\nmetadata: { name: a }\nspec: { rules: [{ name: a, per: gateway, limits: [{ requests: 1000, window: 1s }] }] }\n',
    );
    await ready(served);
    await vi.waitFor(async () => expect((await served.get('/cart')).status).toBe(200), {
      timeout: 10_000,
      interval: 20,
    });
    served.child.kill('SIGTERM');
    expect(await served.end).toBe(0);
  });

  it('serves a directory, takes edits over, keeps what breaks, and ends when it is told', async () => {
    const served = await serve();
    await ready(served);
    expect(await served.get('/cart')).toEqual({ status: 200, body: 'backend /cart' });

    writeFileSync(path.join(served.dir, 'shop/shop.yaml'), route('/only'));
    await vi.waitFor(async () => expect((await served.get('/cart')).status).toBe(404), {
      timeout: 10_000,
      interval: 20,
    });
    expect((await served.get('/only')).status).toBe(200);

    writeFileSync(path.join(served.dir, 'shop/shop.yaml'), route('[broken'));
    await vi.waitFor(
      async () =>
        expect((await served.admin('/diagnostics')).json['frozen']).toMatchObject([{ file: 'shop/shop.yaml' }]),
      { timeout: 10_000, interval: 20 },
    );
    expect((await served.get('/only')).status).toBe(200);
    expect((await served.admin('/explain?request=http://shop.example.com/only')).json['answer']).toMatchObject({
      kind: 'forward',
    });

    served.child.kill('SIGTERM');
    expect(await served.end).toBe(0);
    expect(served.output()).toContain('a file is frozen');
  });

  it('believes the load balancers that it is told of, on the ports of Gateways alone', async () => {
    const { dir, remove } = routesDirectory({
      'mesh.yaml': 'defaultConfig: { gatewayTopology: { proxyProtocol: {} } }\n',
    });
    removals.push(remove);
    const from = ['--proxy-protocol-from', '10.0.0.0/8,127.0.0.1'];
    const served = await serve(undefined, ['--mesh-config', path.join(dir, 'mesh.yaml'), ...from]);
    await ready(served);
    await expect(served.get('/cart')).rejects.toThrow('socket hang up');
    const socket = connect(served.port, '127.0.0.1');
    socket.write(`${textHeader()}GET /cart HTTP/1.1\r\nHost: shop.example.com\r\nConnection: close\r\n\r\n`);
    expect(String((await once(socket, 'data'))[0])).toMatch(/^HTTP\/1.1 200/);
    await vi.waitFor(() => expect(served.output()).toContain(`"downstream_remote_address":"${CALLER.sourceAddress}"`));
    served.child.kill('SIGTERM');
    expect(await served.end).toBe(0);
    expect(served.output()).not.toContain('without effect');
  });

  it('says that load balancers are named for nothing', async () => {
    const served = await serve(undefined, ['--proxy-protocol-from', '10.0.0.0/8']);
    await ready(served);
    expect(served.output()).toContain('--proxy-protocol-from is without effect');
    expect((await served.get('/cart')).status).toBe(200);
    served.child.kill('SIGTERM');
    expect(await served.end).toBe(0);
  });

  it('lets a request under way finish before it ends', async () => {
    const served = await serve();
    await ready(served);
    const answer = served.get('/hold');
    await vi.waitFor(() => expect(held).toHaveLength(1), { timeout: 10_000 });
    served.child.kill('SIGTERM');
    await vi.waitFor(() => expect(served.output()).toContain('stopping'), { timeout: 10_000 });
    held.pop()?.end('late, but whole');
    expect(await answer).toEqual({ status: 200, body: 'late, but whole' });
    expect(await served.end).toBe(0);
  });

  it('says where its admin listener is when any port will do', async () => {
    const served = await serve(undefined, ['--admin-port', '0']);
    await vi.waitFor(() => expect(served.output()).toContain('"message":"ready"'), { timeout: 10_000, interval: 20 });
    const port = Number(/"admin":"127\.0\.0\.1:(\d+)"/.exec(served.output())?.[1]);
    expect(await get(port, '/livez', {})).toEqual({ status: 200, body: 'ok\n' });
    served.child.kill('SIGTERM');
    expect(await served.end).toBe(0);
  });

  it('serves nothing from an empty directory, says so, and takes the first routes when they come', async () => {
    const port = await freePort();
    const served = await serve(() => ({}));
    await ready(served);
    expect(served.output()).toContain('nothing-to-serve');
    await vi.waitFor(() => expect(served.output()).toContain('"listening":"nowhere'));
    mkdirSync(path.join(served.dir, 'infra'));
    writeFileSync(path.join(served.dir, 'infra/all.yaml'), `${gateway(port)}---\n${services()}---\n${route('/')}`);
    await vi.waitFor(async () => expect((await get(port, '/x', { host: 'shop.example.com' })).status).toBe(200), {
      timeout: 10_000,
      interval: 20,
    });
  });

  it('says which port is in the way, and goes on with those that are free', async () => {
    const taken = createServer();
    const port = await listen(taken);
    try {
      const alone = await serve(() => ({
        'infra/gateway.yaml': gateway(port),
        'shop/services.yaml': services(),
        'shop/shop.yaml': route('/'),
      }));
      expect(await alone.end).toBe(1);
      expect(alone.output()).toMatch(new RegExp(`127\\.0\\.0\\.1:${port}: the port is in use by another program`));

      const beside = await serve((free) => ({
        'infra/gateway.yaml': gateway(free),
        'infra/second.yaml': gateway(port).replace('name: edge', 'name: second'),
        'shop/services.yaml': services(),
        'shop/shop.yaml': route('/'),
      }));
      await ready(beside);
      expect((await beside.get('/')).status).toBe(200);
      expect(beside.output()).toContain('cannot listen; it is tried again');
    } finally {
      taken.close();
    }
  });

  it.each([
    [
      'a directory that is not there',
      ['--dir', '/no/where'],
      2,
      /the directory \/no\/where cannot be read: it does not exist/,
    ],
    [
      'a mesh configuration that is wrong',
      ['--mesh-config', '{dir}/mesh'],
      2,
      /the mesh configuration is wrong\s+.*mesh:1: /,
    ],
    [
      'an access log that is a directory',
      ['--access-log-file', '{dir}'],
      2,
      /the access log cannot be written to \/.*: it is a directory\n.*--access-log-file/,
    ],
    [
      'an access log below a file',
      ['--access-log-file', '{dir}/mesh/log'],
      2,
      /the access log cannot be written to \/.*: a part of its path is no directory\n.*--access-log-file/,
    ],
  ])('does not start with %s', async (_name, args, code, message) => {
    const { dir, remove } = routesDirectory({ mesh: 'connectTimeout: soon\n' });
    removals.push(remove);
    const served = await serve(
      undefined,
      args.map((arg) => arg.replace('{dir}', dir)),
    );
    expect(await served.end).toBe(code);
    expect(served.output()).toMatch(message);
  });

  it('does not start when the admin port is taken', async () => {
    const taken = createServer();
    try {
      const served = await serve(undefined, ['--admin-port', String(await listen(taken))]);
      expect(await served.end).toBe(1);
      expect(served.output()).toMatch(
        /the admin listener cannot listen on 127\.0\.0\.1:\d+: the port is in use.*\n.*--admin-port/,
      );
    } finally {
      taken.close();
    }
  });
});
