import http from 'node:http';
import type { AddressInfo } from 'node:net';
import net from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { frame, startGateway, type TestGateway, virtualService } from '../support/gateway.ts';

let upstream: http.Server;
let upstreamPort: number;
let gateway: TestGateway | undefined;

beforeAll(async () => {
  upstream = http.createServer((request, response) => {
    response.setHeader('x-asked', String(request.headers['x-asked']));
    response.statusCode = request.url === '/teapot' ? 418 : 200;
    response.end('ok');
  });
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  upstreamPort = (upstream.address() as AddressInfo).port;
});
afterAll(() => {
  upstream.closeAllConnections();
  upstream.close();
});
afterEach(async () => {
  await gateway?.close();
  gateway = undefined;
});

async function serve(...resources: string[]): Promise<number> {
  gateway = await startGateway(frame({ web: upstreamPort }) + resources.join(''));
  return gateway.port;
}

function ask(port: number, path: string, more: Record<string, string> = {}): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = http.get(
      { port, path, agent: false, headers: { host: 'shop.example.com', ...more } },
      (response) => {
        response.resume();
        response.on('end', () => resolve(response));
      },
    );
    request.on('error', reject);
  });
}

/** As Envoy 1.40 has it: `%RESPONSE_CODE%` is 0 in the gateway's own answers, `:status` is what it is (istio-semantics §2.11). */
describe('operators in the headers of an answer', () => {
  const operations = `  headers:
    request: { set: { x-asked: '[%RESP(:status)%]' } }
    response:
      set:
        x-status: '%RESP(:status)%'
        x-code: '%RESPONSE_CODE%'
        x-details: '[%RESPONSE_CODE_DETAILS%]'
        x-flags: '%RESPONSE_FLAGS_LONG%'
        x-cluster: '[%UPSTREAM_CLUSTER_RAW%]'
`;
  const rules = virtualService(
    'all',
    `- match: [{ uri: { prefix: /moved } }]
  redirect: { uri: /new }
${operations}- match: [{ uri: { prefix: /gone } }]
  directResponse: { status: 410 }
${operations}- match: [{ uri: { prefix: /nowhere } }]
  route: [{ destination: { host: nowhere.test } }]
${operations}- route: [{ destination: { host: web.test } }]
${operations}`,
  );

  it.each([
    ['/moved', ['301', '0', '[direct_response]', '-', '[]']],
    ['/gone', ['410', '0', '[direct_response]', '-', '[]']],
    ['/nowhere', ['503', '0', '[cluster_not_found]', 'NoClusterFound', '[]']],
    ['/teapot', ['418', '418', '[via_upstream]', '-', '[outbound|80||web.test]']],
  ])('of %s say %j', async (path, said) => {
    const { headers } = await ask(await serve(rules), path);
    expect(['status', 'code', 'details', 'flags', 'cluster'].map((name) => headers[`x-${name}`])).toEqual(said);
  });

  it("see no type of the gateway's own answer, and neither add to it nor take it away", async () => {
    const port = await serve(
      virtualService(
        'all',
        `- match: [{ uri: { prefix: /set } }]
  route: [{ destination: { host: nowhere.test } }]
  headers: { response: { set: { content-type: text/html } } }
- match: [{ uri: { prefix: /add } }]
  route: [{ destination: { host: nowhere.test } }]
  headers: { response: { add: { content-type: text/html } } }
- route: [{ destination: { host: nowhere.test } }]
  headers: { response: { remove: [content-type], set: { x-type: '[%RESP(content-type)%]' } } }
`,
      ),
    );
    const types = await Promise.all(['/set', '/add', '/'].map(async (path) => (await ask(port, path)).headers));
    expect(types.map((headers) => headers['content-type'])).toEqual([
      'text/html',
      'text/html',
      'application/problem+json',
    ]);
    expect(types[2]?.['x-type']).toBe('[]');
  });

  it("of what the gateway tells a gRPC caller see the HTTP status, and may say gRPC's", async () => {
    const ofHosts = '  headers: { response: { set: { x-status: "%RESP(:status)%" } } }\n';
    const port = await serve(
      virtualService(
        'all',
        `- match: [{ uri: { prefix: /moved } }]
  redirect: { uri: /new }
${ofHosts}- match: [{ uri: { prefix: /empty } }]
  directResponse: { status: 204, body: { string: why } }
${ofHosts}- match: [{ uri: { prefix: /say } }]
  directResponse: { status: 403 }
  headers: { response: { set: { x-status: '%RESP(:status)%' }, add: { grpc-status: '9' } } }
- route: [{ destination: { host: nowhere.test } }]
${ofHosts}`,
      ),
    );
    const told = async (path: string): Promise<unknown[]> => {
      const { statusCode, headers } = await ask(port, path, { 'content-type': 'application/grpc' });
      return [statusCode, headers['x-status'], headers['grpc-status'], headers['grpc-message']];
    };
    expect(await told('/moved')).toEqual([200, '301', '2', undefined]);
    expect(await told('/empty')).toEqual([200, '204', '2', 'why']);
    expect(await told('/say')).toEqual([200, '403', '9', undefined]);
    expect((await told('/')).slice(0, 3)).toEqual([200, '503', '14']);
  });

  it('know no status before there is an answer', async () => {
    expect((await ask(await serve(rules), '/')).headers['x-asked']).toBe('[]');
  });

  it('do not put what belongs to one hop on an answer', async () => {
    const port = await serve(
      virtualService(
        'all',
        `- route: [{ destination: { host: web.test } }]
  headers:
    response:
      set: { upgrade: h2, proxy-connection: x, x-set: '1' }
      add: { keep-alive: x }
`,
      ),
    );
    const { headers } = await ask(port, '/');
    expect([headers['upgrade'], headers['proxy-connection'], headers['x-set']]).toEqual([undefined, undefined, '1']);
    expect(headers['keep-alive']).not.toBe('x');
  });
});

/** istio-semantics §7.1: the host of an absolute form is one that a URL can have. */
describe('an absolute-form target', () => {
  const statusOf = (port: number, target: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = net.connect(port, '127.0.0.1', () => {
        socket.write(`GET ${target} HTTP/1.1\r\nHost: other.example.com\r\nConnection: close\r\n\r\n`);
      });
      let answer = '';
      socket.on('data', (bytes) => {
        answer += bytes.toString('latin1');
      });
      socket.on('close', () => resolve(answer.split(' ')[1] ?? ''));
      socket.on('error', reject);
    });

  it.each([
    ...[
      'http://:80/a',
      'http://h:/a',
      'http://h:65536/a',
      'http://h:x/a',
      'http://h%2Fa',
      'http://a_b/',
      'http://a,b/',
    ],
    ...['http://u@v@h/', 'http://[::1', 'http:///a'],
  ])('%s is refused', async (target) => {
    const port = await serve(virtualService('all', '- directResponse: { status: 202 }\n'));
    expect(await statusOf(port, target)).toBe('400');
  });

  it.each(['http://shop.example.com/a', 'http://SHOP.example.com:080', 'http://u:p@shop.example.com:81/?x'])(
    '%s is served',
    async (target) => {
      const port = await serve(virtualService('all', '- directResponse: { status: 202 }\n'));
      expect(await statusOf(port, target)).toBe('202');
    },
  );
});
