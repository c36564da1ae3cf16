import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { frame, freePort, startGateway, type TestGateway, virtualService } from '../support/gateway.ts';
import { askGateway, startUpstreams, type TestUpstreams } from '../support/upstreams.ts';

let gateway: TestGateway | undefined;
let upstreams: TestUpstreams | undefined;
const servers: net.Server[] = [];
afterEach(async () => {
  await gateway?.close();
  gateway = undefined;
  upstreams?.close();
  upstreams = undefined;
  for (const server of servers.splice(0)) server.close();
});

const rule = (policy: string): string => `
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: web }
spec: { host: web.test, trafficPolicy: { ${policy} }, subsets: [{ name: plain, trafficPolicy: { loadBalancer: { simple: RANDOM } } }] }`;
const RETRIES = '  retries: { attempts: 2, retryOn: 5xx, backoff: 1ms }';
const toWeb = (more = ''): string => virtualService('all', `- route: [{ destination: { host: web.test } }]\n${more}`);

describe('a WebSocket', () => {
  /** Says the same to every connection, and closes it. */
  async function service(answer: string): Promise<number> {
    const server = net.createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => socket.end(answer));
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return (server.address() as net.AddressInfo).port;
  }

  const ACCEPTS = 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n';
  const REFUSES = 'HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n';

  function connect(port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const headers = { host: 'chat.example.com', connection: 'upgrade', upgrade: 'websocket' };
      const request = http.get({ port, headers, agent: false });
      request.on('upgrade', (response, socket) => {
        socket.destroy();
        resolve(response.statusCode ?? 0);
      });
      request.on('response', (response) => resolve(response.resume().statusCode ?? 0));
      request.on('error', reject);
    });
  }

  it('is tried at another host when the first takes no connection', async () => {
    const port = await service(ACCEPTS);
    const inTurn = rule('loadBalancer: { simple: ROUND_ROBIN }');
    gateway = await startGateway(frame({ web: [await freePort(), port] }) + inTurn + toWeb());
    for (let i = 0; i < 4; i++) expect(await connect(gateway.port)).toBe(101);
    expect(Math.max(...gateway.records.map(({ upstreamAttempts }) => upstreamAttempts))).toBe(2);
  });

  it.each([
    ['one line', 'Upgrade: WebSocket\r\n', 101],
    ['a line twice', 'Upgrade: websocket\r\nUpgrade: websocket\r\n', 403],
    ['a line for each of two protocols', 'Upgrade: websocket\r\nUpgrade: mqtt\r\n', 403],
    ['a list', 'Upgrade: websocket, mqtt\r\n', 403],
    ['nothing', 'Upgrade:\r\n', 403],
  ])('is asked for in %s', async (_how, lines, status) => {
    gateway = await startGateway(frame({ web: await service(ACCEPTS) }) + toWeb());
    const socket = net.connect(gateway.port, '127.0.0.1');
    socket.write(`GET / HTTP/1.1\r\nHost: chat.example.com\r\nConnection: Upgrade\r\n${lines}\r\n`);
    const [answer] = await once(socket, 'data');
    socket.destroy();
    expect(String(answer).slice(9, 12)).toBe(String(status));
  });

  it('gets the cookie to stay with one host with its 101', async () => {
    const port = await service(ACCEPTS);
    const byCookie = rule('loadBalancer: { consistentHash: { httpCookie: { name: sid, ttl: 0s } } }');
    gateway = await startGateway(frame({ web: port }) + byCookie + toWeb());
    const { port: gatewayPort } = gateway;
    const headers = { host: 'chat.example.com', connection: 'upgrade', upgrade: 'websocket' };
    const answer = await new Promise<http.IncomingMessage>((resolve, reject) => {
      const request = http.get({ port: gatewayPort, headers, agent: false });
      request.on('upgrade', (response, socket) => {
        socket.destroy();
        resolve(response);
      });
      request.on('error', reject);
    });
    expect(answer.headers['set-cookie']).toEqual([expect.stringMatching(/^sid="[0-9a-f]{16}"; HttpOnly$/)]);
  });

  it('is tried again after an answer that the policy lists, and not by default', async () => {
    const port = await service(REFUSES);
    gateway = await startGateway(frame({ web: port }) + toWeb(RETRIES));
    expect(await connect(gateway.port)).toBe(503);
    await gateway.publish(frame({ web: port }) + toWeb());
    expect(await connect(gateway.port)).toBe(503);
    expect(gateway.records.map(({ upstreamAttempts }) => upstreamAttempts)).toEqual([3, 1]);
  });
});

describe('what the log is told of tries that are used up', () => {
  it.each([
    {
      it: 'an answer',
      more: '',
      answer: (response: http.ServerResponse) => void response.writeHead(503).end(),
      flags: ['URX'],
    },
    {
      it: 'a connection that is closed',
      more: '',
      answer: (response: http.ServerResponse) => void response.destroy(),
      flags: ['URX', 'UC'],
    },
    { it: 'no answer in time', more: ', perTryTimeout: 20ms', answer: () => {}, flags: ['URX', 'UT'] },
  ])('$it', async ({ more, answer, flags }) => {
    upstreams = await startUpstreams(1, (_, __, response) => answer(response));
    gateway = await startGateway(frame({ web: upstreams.ports }) + toWeb(RETRIES.replace(' }', `${more} }`)));
    await askGateway(gateway.port, '/');
    expect(upstreams.seen).toEqual([3]);
    expect(gateway.records.map((record) => record.flags)).toEqual([flags]);
  });
});

describe('a request whose client was told to go on', () => {
  it.each([
    { told: true, status: 503, tries: 1 },
    { told: false, status: 200, tries: 2 },
  ])('told: $told', async ({ told, status, tries }) => {
    upstreams = await startUpstreams(1, (_, request, response) => {
      if (told) response.writeEarlyHints({ link: '</a.css>; rel=preload' });
      response.writeHead(request.headers['x-envoy-attempt-count'] === '1' ? 503 : 200).end();
    });
    gateway = await startGateway(frame({ web: upstreams.ports }) + toWeb(RETRIES));
    expect((await askGateway(gateway.port, '/')).status).toBe(status);
    expect(upstreams.seen).toEqual([tries]);
  });
});

describe('a cookie to stay with one host', () => {
  const BY_COOKIE = rule('loadBalancer: { consistentHash: { httpCookie: { name: sid, ttl: 0s } } }');

  async function cookies(routes: string, path = '/'): Promise<readonly string[]> {
    upstreams = await startUpstreams(2, (_, request, response) =>
      response.writeHead(request.headers['x-envoy-attempt-count'] === '3' ? 200 : 503).end(),
    );
    gateway = await startGateway(frame({ web: upstreams.ports }) + BY_COOKIE + routes);
    return (await askGateway(gateway.port, path)).headers['set-cookie'] ?? [];
  }

  it('comes once with a request that is tried once', async () => {
    expect(await cookies(toWeb())).toEqual([expect.stringMatching(/^sid="[0-9a-f]{16}"; HttpOnly$/)]);
  });

  it('comes once for each try, always the same (istio-semantics §3.3)', async () => {
    const lines = await cookies(toWeb(RETRIES));
    expect(lines).toHaveLength(3);
    expect(new Set(lines).size).toBe(1);
  });

  it('does not come from a destination that balances otherwise', async () => {
    const PLAIN = '{ destination: { host: web.test, subset: plain }';
    expect(await cookies(virtualService('all', `- route: [${PLAIN} }]`))).toEqual([]);
  });

  it('does not come from the other of two destinations', async () => {
    const PLAIN = '{ destination: { host: web.test, subset: plain }, weight: 1000000 }';
    const routes = virtualService('all', `- route: [${PLAIN}, { destination: { host: web.test }, weight: 1 }]`);
    expect(await cookies(routes)).toEqual([]);
  });
});

describe('localities', () => {
  async function seenBy(retries: string): Promise<readonly number[]> {
    upstreams = await startUpstreams(2, (index, _, response) => response.writeHead(index === 0 ? 503 : 200).end());
    const [near, far] = upstreams.ports;
    const world = frame({ web: upstreams.ports })
      .replace(`{ main: ${near} } }`, `{ main: ${near} }, locality: north/n1 }`)
      .replace(`{ main: ${far} } }`, `{ main: ${far} }, locality: south/s1 }`);
    const policy = rule('outlierDetection: { consecutive5xxErrors: 100, maxEjectionPercent: 100 }');
    const gatewayLabels = { 'topology.kubernetes.io/region': 'north' };
    gateway = await startGateway(world + policy + toWeb(`  retries: { ${retries} }`), { gatewayLabels });
    await askGateway(gateway.port, '/');
    return upstreams.seen;
  }

  it('are left after two tries where the policy says so (istio-semantics §2.10)', async () => {
    expect(await seenBy('attempts: 4, retryOn: 5xx, backoff: 1ms, retryRemoteLocalities: true')).toEqual([2, 1]);
  });

  it('are not left otherwise', async () => {
    expect(await seenBy('attempts: 4, retryOn: 5xx, backoff: 1ms')).toEqual([5, 0]);
  });
});

describe('the time of one try', () => {
  const LIMITED = '  retries: { attempts: 1, retryOn: 5xx, backoff: 1ms, perTryTimeout: 100ms }';

  it.each(['', '  timeout: 10s\n'])('holds for a request whose body comes late: %j', async (timeout) => {
    upstreams = await startUpstreams(1, () => {});
    gateway = await startGateway(frame({ web: upstreams.ports }) + toWeb(timeout + LIMITED));
    const { port } = gateway;
    const status = await new Promise<number>((resolve, reject) => {
      const request = http.request({ port, method: 'POST', headers: { host: 'shop.example.com' }, agent: false });
      request.on('response', (response) => resolve(response.resume().statusCode ?? 0));
      request.on('error', reject);
      request.write('first');
      setTimeout(() => request.end('last'), 50);
    });
    expect([status, upstreams.seen]).toEqual([504, [2]]);
  });

  it.each([
    { timeout: '', status: 200 },
    { timeout: '  timeout: 200ms\n', status: 504 },
  ])(
    'ends nothing once the client was told to go on, but that of the route does: $status',
    async ({ timeout, status }) => {
      // Node's server says 100 of its own accord, before the body is asked for.
      upstreams = await startUpstreams(1, (_, __, response) => void setTimeout(() => response.end(), 400));
      gateway = await startGateway(frame({ web: upstreams.ports }) + toWeb(timeout + LIMITED));
      const { port } = gateway;
      const answer = await new Promise<number>((resolve, reject) => {
        const headers = { host: 'shop.example.com', expect: '100-continue' };
        const request = http.request({ port, method: 'POST', headers, agent: false });
        request.on('continue', () => request.end('body'));
        request.on('response', (response) => resolve(response.resume().statusCode ?? 0));
        request.on('error', reject);
        request.flushHeaders();
      });
      expect([answer, upstreams.seen]).toEqual([status, [1]]);
    },
  );

  it('is answered as any failure when the service goes away after that', async () => {
    upstreams = await startUpstreams(1, (_, __, response) => {
      response.writeEarlyHints({ link: '</a.css>; rel=preload' }, () => response.destroy());
    });
    gateway = await startGateway(frame({ web: upstreams.ports }) + toWeb(RETRIES));
    expect([(await askGateway(gateway.port, '/')).status, upstreams.seen]).toEqual([503, [1]]);
  });
});

describe('what a service is told of the time it has', () => {
  /** At each of its tries, all of which fail. */
  async function told(more: string, headers: http.OutgoingHttpHeaders = {}): Promise<readonly Told[]> {
    const heard: Told[] = [];
    upstreams = await startUpstreams(1, (_, { headers: got }, response) => {
      heard.push({ expected: got['x-envoy-expected-rq-timeout-ms'], grpc: got['grpc-timeout'] });
      setTimeout(() => response.writeHead(503).end(), 30);
    });
    gateway = await startGateway(frame({ web: upstreams.ports }) + toWeb(more));
    await askGateway(gateway.port, '/', headers);
    return heard;
  }
  interface Told {
    readonly expected: unknown;
    readonly grpc: unknown;
  }
  const ms = (value: unknown): number => Number(/^(\d+)m?$/.exec(String(value))?.[1]);

  it('is less with each try, by what those before it took', async () => {
    const heard = (await told(`  timeout: 10s\n${RETRIES}`)).map(({ expected }) => ms(expected));
    expect(heard).toHaveLength(3);
    expect(heard[0]).toBe(10_000);
    expect(heard[1]).toBeLessThanOrEqual(9_972);
    expect(heard[2]).toBeLessThanOrEqual((heard[1] as number) - 28);
  });

  it('is that of one try as long as so much is left', async () => {
    const retries = '  retries: { attempts: 2, retryOn: 5xx, backoff: 1ms, perTryTimeout: 5s }';
    expect((await told(`  timeout: 60s\n${retries}`)).map(({ expected }) => expected)).toEqual([
      '5000',
      '5000',
      '5000',
    ]);
    await gateway?.close();
    upstreams?.close();
    expect((await told(retries)).map(({ expected }) => expected)).toEqual(['5000', '5000', '5000']);
  });

  it('is told anew with each try, whatever operations said with the first', async () => {
    const silent = '  headers: { request: { remove: [x-envoy-expected-rq-timeout-ms] } }\n';
    const heard = (await told(`  timeout: 10s\n${silent}${RETRIES}`)).map(({ expected }) => expected);
    expect(heard).toEqual([undefined, expect.stringMatching(/^\d{4}$/), expect.stringMatching(/^\d{4}$/)]);
  });

  it('is told callers of gRPC in their own header', async () => {
    const heard = await told(RETRIES, { 'content-type': 'application/grpc', te: 'trailers', 'grpc-timeout': '10S' });
    expect(heard.map(({ grpc }) => ms(grpc))).toEqual(heard.map(({ expected }) => ms(expected)));
    expect(heard[0]).toEqual({ expected: '10000', grpc: '10000m' });
    expect(ms(heard[2]?.grpc)).toBeLessThan(10_000 - 56);
  });

  it('is nothing where there is no limit', async () => {
    expect(await told(RETRIES)).toEqual(Array(3).fill({ expected: undefined, grpc: undefined }));
  });
});

describe('the connection of a try whose answer is not taken', () => {
  it.each([
    { body: '', connections: 1 },
    { body: 'sorry', connections: 3 },
  ])('serves the next one where nothing of the answer is outstanding: %j', async ({ body, connections }) => {
    const ports = new Set<number | undefined>();
    upstreams = await startUpstreams(1, (_, request, response) => {
      ports.add(request.socket.remotePort);
      response.writeHead(503, { 'content-length': body.length }).end(body);
    });
    // The pause is as long as it can be: a connection that was just released is left alone for a moment.
    gateway = await startGateway(frame({ web: upstreams.ports }) + toWeb(RETRIES.replace('1ms', '20ms')), {
      random: () => 0.9,
    });
    expect((await askGateway(gateway.port, '/')).status).toBe(503);
    expect([upstreams.seen, ports.size]).toEqual([[3], connections]);
  });
});

describe('how long a service took', () => {
  it('counts from the end of the request, over all tries', async () => {
    upstreams = await startUpstreams(1, (_, { headers }, response) => {
      const status = headers['x-envoy-attempt-count'] === '3' ? 200 : 503;
      setTimeout(() => response.writeHead(status).end(), 30);
    });
    gateway = await startGateway(frame({ web: upstreams.ports }) + toWeb(RETRIES));
    const { headers } = await askGateway(gateway.port, '/');
    expect(Number(headers['x-envoy-upstream-service-time'])).toBeGreaterThanOrEqual(84);
    expect(gateway.records[0]?.upstreamMs).toBeGreaterThanOrEqual(84);
  });

  it('is not told where the answer came before the request’s end', async () => {
    upstreams = await startUpstreams(1);
    gateway = await startGateway(frame({ web: upstreams.ports }) + toWeb());
    const { port } = gateway;
    const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
      const request = http.request({ port, method: 'POST', headers: { host: 'shop.example.com' }, agent: false });
      request.on('response', (answer) => {
        request.end();
        resolve(answer.resume());
      });
      request.on('error', reject);
      request.write('first');
    });
    expect([response.statusCode, response.headers['x-envoy-upstream-service-time']]).toEqual([200, undefined]);
  });
});

describe('a timeout', () => {
  const EAGER = rule('outlierDetection: { consecutive5xxErrors: 1, maxEjectionPercent: 100, baseEjectionTime: 60s }');

  it.each([
    { begins: true, after: 200 },
    { begins: false, after: 503 },
  ])('ejects a host that has not begun to answer, and no other: $begins', async ({ begins, after }) => {
    upstreams = await startUpstreams(1, (_, request, response) => {
      if (request.url === '/slow') {
        if (begins) response.writeHead(200).write('some');
      } else response.end();
    });
    gateway = await startGateway(frame({ web: upstreams.ports }) + EAGER + toWeb('  timeout: 100ms'));
    await askGateway(gateway.port, '/slow').catch(() => {});
    expect((await askGateway(gateway.port, '/')).status).toBe(after);
  });
});
