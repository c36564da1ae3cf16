import type http from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { frame, startGateway, type TestGateway, virtualService } from '../support/gateway.ts';
import { askGateway, startUpstreams, type TestUpstreams } from '../support/upstreams.ts';

/** What is decided before operations and rewrites change a request, as in Envoy's router. */
let gateway: TestGateway | undefined;
let upstreams: TestUpstreams | undefined;
const seen: http.IncomingHttpHeaders[] = [];
afterEach(async () => {
  await gateway?.close();
  gateway = undefined;
  upstreams?.close();
  upstreams = undefined;
  seen.length = 0;
});

async function serve(services: number, rule: string, destinationRule = ''): Promise<number> {
  upstreams = await startUpstreams(services, (_, request, response) => {
    seen.push(request.headers);
    response.writeHead(request.url === '/fails' ? 503 : 200).end();
  });
  gateway = await startGateway(frame({ web: upstreams.ports }) + destinationRule + virtualService('all', rule));
  return gateway.port;
}

const policy = (spec: string): string => `
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: web }
spec: { host: web.test, ${spec} }`;
const TO_WEB = 'route: [{ destination: { host: web.test } }]';

describe('the host that is chosen by hash', () => {
  const users = Array.from({ length: 24 }, (_, i) => `user-${i}`);

  it('is chosen by the header as the client sent it', async () => {
    const byUser = policy('trafficPolicy: { loadBalancer: { consistentHash: { httpHeaderName: x-user } } }');
    const port = await serve(2, `- ${TO_WEB}\n  headers: { request: { set: { x-user: anyone } } }`, byUser);
    for (const user of users) await askGateway(port, '/', { 'x-user': user });
    expect(Math.min(...(upstreams?.seen ?? []))).toBeGreaterThan(0);
    expect(new Set(seen.map((headers) => headers['x-user']))).toEqual(new Set(['anyone']));
  });

  it('is chosen by the parameter as the client sent it', async () => {
    const byUser = policy('trafficPolicy: { loadBalancer: { consistentHash: { httpQueryParameterName: user } } }');
    const port = await serve(
      2,
      `- match: [{ uri: { prefix: /a } }]\n  rewrite: { uri: "/b?user=anyone&x=" }\n  ${TO_WEB}`,
      byUser,
    );
    for (const user of users) await askGateway(port, `/a?user=${user}`);
    expect(Math.min(...(upstreams?.seen ?? []))).toBeGreaterThan(0);
  });
});

describe('operations on a request', () => {
  it.each([
    ['', { 'x-tries': '1' }],
    ['timeout: 2s', { 'x-tries': '1', 'x-time': '2000' }],
    [
      'timeout: 2s\n  retries: { attempts: 1, perTryTimeout: 500ms, retryOn: 5xx }',
      { 'x-tries': '1', 'x-time': '500' },
    ],
    ['retries: { attempts: 1, perTryTimeout: 500ms, retryOn: 5xx }', { 'x-tries': '1', 'x-time': '500' }],
  ])('see what the service is told of tries and time: %s', async (times, expected) => {
    const set = 'x-tries: "%REQ(x-envoy-attempt-count)%", x-time: "%REQ(x-envoy-expected-rq-timeout-ms)%"';
    const port = await serve(1, `- ${TO_WEB}\n  headers: { request: { set: { ${set} } } }\n  ${times}`.trimEnd());
    await askGateway(port, '/', { 'x-envoy-attempt-count': '7', 'x-envoy-expected-rq-timeout-ms': '7' });
    const [headers = {}] = seen;
    const told = { 'x-tries': headers['x-tries'], 'x-time': headers['x-time'] };
    expect(told).toEqual({ 'x-time': undefined, ...expected });
  });

  it('see all lines of a header that Envoy keeps as one, of others the first', async () => {
    const set = 'x-joined: "%REQ(accept)%", x-first: "%REQ(x-lines)%"';
    const port = await serve(1, `- ${TO_WEB}\n  headers: { request: { set: { ${set} } } }`);
    await askGateway(port, '/', { accept: ['a', 'b'], 'x-lines': ['a', 'b'] });
    expect([seen[0]?.['x-joined'], seen[0]?.['x-first']]).toEqual(['a,b', 'a']);
  });

  it('may keep that from the service', async () => {
    const remove = 'remove: [x-envoy-expected-rq-timeout-ms]';
    const port = await serve(1, `- ${TO_WEB}\n  timeout: 2s\n  headers: { request: { ${remove} } }`);
    await askGateway(port, '/');
    expect(seen[0]).not.toHaveProperty('x-envoy-expected-rq-timeout-ms');
  });
});

describe('the original path', () => {
  it.each([
    ['rewrite: { uri: /new }', '/new?q', '/old?q'],
    ['rewrite: { uri: /old }', '/old?q', '/old?q'],
    ['rewrite: { uriRegexRewrite: { match: xx, rewrite: zz } }', '/old?q', '/old?q'],
    ['rewrite: { authority: other.example.com }', '/old?q', undefined],
  ])('is told with every rewrite of paths, be it to the same one: %s', async (rewrite, path, original) => {
    const headers = 'response: { set: { x-path: "%REQ(:path)%", x-was: "%REQ(x-envoy-original-path)%" } }';
    const port = await serve(
      1,
      `- match: [{ uri: { prefix: /old } }]\n  ${rewrite}\n  headers: { ${headers} }\n  ${TO_WEB}`,
    );
    const answer = await askGateway(port, '/old?q');
    expect([answer.headers['x-path'], answer.headers['x-was']]).toEqual([path, original]);
  });
});

describe('a rewritten path', () => {
  it.each(['/with blank', 'no-slash', '/../x'])('that cannot be sent is refused: %s', async (uri) => {
    const port = await serve(1, `- match: [{ uri: { prefix: /old } }]\n  rewrite: { uri: '${uri}' }\n  ${TO_WEB}`);
    expect((await askGateway(port, '/old')).status).toBe(400);
  });
});

describe('an answer for want of a host', () => {
  it('is told of the request as it came', async () => {
    const nobody = policy('subsets: [{ name: nobody, labels: { a: b } }]');
    const headers = 'request: { set: { x-a: new } }, response: { set: { x-path: "%REQ(:path)%", x-a: "%REQ(x-a)%" } }';
    const port = await serve(
      1,
      `- match: [{ uri: { prefix: /old } }]
  rewrite: { uri: /new }
  headers: { ${headers} }
  route: [{ destination: { host: web.test, subset: nobody } }]`,
      nobody,
    );
    const answer = await askGateway(port, '/old?q', { 'x-a': 'own' });
    expect([answer.status, answer.headers['x-path'], answer.headers['x-a']]).toEqual([503, '/old?q', 'own']);
  });
});
