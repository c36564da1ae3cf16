import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { externalAuthorization } from '../../plugins/external-authorization/index.ts';
import type { GatewayPlugin } from '../../src/contract/index.ts';
import { frame, startGateway, type TestGateway, virtualService } from './gateway.ts';
import { authorizer, type TestGrpcService, type UnaryHandler } from './grpc-service.ts';

const closing: { close(): unknown }[] = [];

export async function closeAll(): Promise<void> {
  for (const one of closing.splice(0).reverse()) await one.close();
}

/** Closed with the rest when the test ends. */
export function keep<T extends { close(): unknown }>(one: T): T {
  closing.push(one);
  return one;
}

export async function listening(server: http.Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  keep({
    close() {
      server.closeAllConnections();
      server.close();
    },
  });
  return (server.address() as AddressInfo).port;
}

interface Seen {
  readonly url: string | undefined;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

/** A service that keeps what it was sent, and says so in a header that an authorizer may want to change. */
async function startWeb(): Promise<{ readonly port: number; readonly seen: Seen[] }> {
  const seen: Seen[] = [];
  const server = http.createServer(async (request, response) => {
    const body = Buffer.concat(await Array.fromAsync(request));
    seen.push({ url: request.url, headers: request.headers, body: body.toString() });
    response.setHeader('x-from', 'web').end('served');
  });
  return { port: await listening(server), seen };
}

export const entry = (name: string, port: number, protocol: string): string => `
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name} }
spec:
  hosts: [${name}.test]
  resolution: STATIC
  ports: [{ number: 9000, name: main, protocol: ${protocol} }]
  endpoints: [{ address: 127.0.0.1, ports: { main: ${port} } }]
`;

export const POLICY = `
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: checked, namespace: istio-system }
spec: { action: CUSTOM, provider: { name: checker }, rules: [{}] }
`;

interface Served extends TestGateway {
  readonly seen: readonly Seen[];
}

/** A gateway before a service, that asks the authorizer on `port` about everything. */
export async function serve(
  port: number,
  fields: object = {},
  { protocol = 'GRPC', kind = 'envoyExtAuthzGrpc', extra = '' } = {},
): Promise<Served> {
  const web = await startWeb();
  const text =
    frame({ web: web.port }) +
    entry('checker', port, protocol) +
    virtualService('all', '- route: [{ destination: { host: web.test } }]', '["shop.example.com"]') +
    POLICY +
    extra;
  const gateway = await startGateway(text, {
    plugins: [externalAuthorization] as readonly GatewayPlugin[],
    mesh: { extensionProviders: [{ name: 'checker', [kind]: { service: 'checker.test', port: 9000, ...fields } }] },
  });
  return Object.assign(keep(gateway), { seen: web.seen });
}

export const checking = async (check: UnaryHandler): Promise<TestGrpcService> => keep(await authorizer(check));

export const saying = (answer: Readonly<Record<string, unknown>>): Promise<TestGrpcService> =>
  checking((_, callback) => callback(null, answer));

interface Answer {
  readonly status: number | undefined;
  readonly headers: http.IncomingHttpHeaders;
  readonly raw: readonly string[];
  readonly body: string;
}

export function ask(port: number, options: http.RequestOptions = {}, body = ''): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { host: 'shop.example.com', ...options.headers };
    const request = http.request({ port, path: '/a?b=c', agent: false, ...options, headers }, async (response) => {
      const chunks = await Array.fromAsync(response);
      const { statusCode, rawHeaders: raw } = response;
      resolve({ status: statusCode, headers: response.headers, raw, body: Buffer.concat(chunks).toString() });
    });
    request.on('error', reject);
    request.end(body);
  });
}

export const header = (key: string, value: string, more: object = {}) => ({ header: { key, value }, ...more });
