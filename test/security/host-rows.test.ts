import http2 from 'node:http2';
import tls from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { authorization } from '../../plugins/authorization/index.ts';
import type { GatewayPlugin } from '../../src/contract/index.ts';
import { frame, freePort, startGateway, type TestGateway, virtualService } from '../support/gateway.ts';
import { startUpstreams, type TestUpstreams } from '../support/upstreams.ts';
import { createAuthority, type Pair } from '../unit/dataplane/downstream/certificates.ts';
import { exchange, NEVER_OVERLOADED } from './support.ts';

/* P-14 to P-16 and P-18 of edge-security §1: who is asked for has one meaning, for the route and for the policy. */

const OPEN = 0;
let upstreams: TestUpstreams;
const gateways: TestGateway[] = [];
beforeAll(async () => {
  upstreams = await startUpstreams(3);
});
afterAll(async () => {
  for (const gateway of gateways) await gateway.close();
  upstreams.close();
});

const to = (service: string): string => `- route: [{ destination: { host: ${service}.test } }]`;
const deny = (operation: object): string => `
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: no-guarded-hosts, namespace: istio-system }
spec: ${JSON.stringify({ action: 'DENY', rules: [{ to: [{ operation }] }] })}
`;

async function serve(text: string): Promise<number> {
  const ports = Object.fromEntries(upstreams.ports.map((port, i) => [`u${i}`, port]));
  const gateway = await startGateway(frame(ports) + text, {
    plugins: [authorization] as readonly GatewayPlugin[],
    mesh: { pathNormalization: 'decode-and-merge-slashes' },
    overload: NEVER_OVERLOADED,
  });
  gateways.push(gateway);
  return gateway.port;
}

interface Met {
  readonly status: number;
  /** Index of the service; undefined: none. */
  readonly service: number | undefined;
}

async function ask(port: number, host: string, target = '/'): Promise<Met> {
  const { status, head } = await exchange(port, `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  const service = /\r\nx-upstream: (\d)/i.exec(head)?.[1];
  return { status, service: service === undefined ? undefined : Number(service) };
}

async function askHttp2(port: number, authority: string): Promise<Met> {
  const session = http2.connect(`http://127.0.0.1:${port}`);
  session.on('error', () => {});
  try {
    return await new Promise((resolve) => {
      const request = session.request({ ':path': '/', ':authority': authority });
      request.on('response', (headers) =>
        resolve({
          status: Number(headers[':status']),
          service: headers['x-upstream'] === undefined ? undefined : Number(headers['x-upstream']),
        }),
      );
      request.on('error', () => resolve({ status: 0, service: undefined }));
      request.on('close', () => resolve({ status: 0, service: undefined }));
      request.resume();
    });
  } finally {
    session.destroy();
  }
}

/** Two gateways alike, but for the policy: a host that one leads to the guarded service the other one refuses, and no other. */
async function pair(
  guardedHosts: readonly string[],
  policyHosts: readonly string[],
): Promise<readonly [number, number]> {
  const routes =
    virtualService('guarded', to('u1'), JSON.stringify(guardedHosts)) + virtualService('open', to('u0'), '["*"]');
  return [await serve(routes), await serve(routes + deny({ hosts: policyHosts }))];
}

describe('P-14 a host', () => {
  let ports: readonly [number, number];
  beforeAll(async () => {
    ports = await pair(
      ['secret.com', 'xn--mnchen-3ya.example'],
      ['secret.com', 'secret.com:*', 'xn--mnchen-3ya.example', 'xn--mnchen-3ya.example:*'],
    );
  });

  it.each([
    ['secret.com', true],
    ['SECRET.com', true],
    ['sEcReT.CoM', true],
    ['secret.com:80', true],
    ['secret.com:443', true],
    ['secret.com:0443', true],
    ['secret.com:', true],
    ['SECRET.COM:8080', true],
    ['secret.com:http', true],
    ['xn--mnchen-3ya.example', true],
    ['XN--MNCHEN-3YA.example', true],
    ['secret.com.', false],
    ['secret.com.:80', false],
    ['secret.com..', false],
    ['.secret.com', false],
    ['xsecret.com', false],
    ['secret.com.evil.example', false],
    ['secret%2ecom', false],
    ['[secret.com]', false],
    ['secret.com,open.com', false],
    ['münchen.example', false],
    ['open.com@secret.com', false],
    ['secret.com@open.com', false],
    ['secret.com#', false],
    ['secret.com/', false],
    ['secret.com?', false],
    ['secret.com\\', false],
    ['secret.com open.com', false],
    ['secret.com\tx', false],
    ['ſecret.com', false],
  ] as const)('written %s is guarded wherever it leads to what is guarded: %s', async (host, isGuarded) => {
    const [control, guarded] = ports;
    const bytes = Buffer.from(host).toString('latin1');
    for (const [met, judged] of [
      [await ask(control, bytes), await ask(guarded, bytes)],
      [await ask(control, 'open.com', `http://${bytes}/`), await ask(guarded, 'open.com', `http://${bytes}/`)],
      [await askHttp2(control, host), await askHttp2(guarded, host)],
    ] as const) {
      expect(met.service === 1).toBe(judged.status === 403);
      expect(judged.service).not.toBe(1);
      if (judged.status !== 403) expect(judged).toEqual(met);
    }
    expect((await ask(guarded, bytes)).status === 403).toBe(isGuarded);
  });

  it('with two ports is another one to the route, and refused by the policy all the same, as by Istio', async () => {
    const [control, guarded] = ports;
    expect(await ask(control, 'secret.com:80:80')).toEqual({ status: 200, service: OPEN });
    expect((await ask(guarded, 'secret.com:80:80')).status).toBe(403);
  });

  it('is the one of an absolute target, whatever Host says, and never one of two', async () => {
    const [, guarded] = ports;
    expect(await ask(guarded, 'open.com', 'http://secret.com/')).toEqual({ status: 403, service: undefined });
    expect(await ask(guarded, 'secret.com', 'http://open.com/')).toEqual({ status: 200, service: OPEN });
    expect((await ask(guarded, 'open.com\r\nHost: secret.com')).status).toBe(400);
    expect((await ask(guarded, 'open.com\r\nX-Forwarded-Host: secret.com')).service).toBe(OPEN);
  });
});

describe('P-15 a wildcard', () => {
  let ports: readonly [number, number];
  beforeAll(async () => {
    ports = await pair(['*.a.com'], ['*.a.com']);
  });

  it.each([
    ['x.a.com', true],
    ['x.y.a.com', true],
    ['X.A.COM', true],
    ['*.a.com', true],
    ['x..a.com', true],
    ['a.com', false],
    ['xa.com', false],
    ['x.a.com.', false],
    ['x.a.com.evil', false],
    ['a.com.x', false],
  ] as const)('takes %s: %s, in the router and in the policy', async (host, isGuarded) => {
    const [control, guarded] = ports;
    expect((await ask(control, host)).service).toBe(isGuarded ? 1 : OPEN);
    expect((await ask(guarded, host)).status).toBe(isGuarded ? 403 : 200);
  });

  it('never leads a bare suffix to what is guarded past the policy', async () => {
    const [control, guarded] = ports;
    expect((await ask(control, '.a.com')).service).not.toBe(1);
    expect((await ask(guarded, '.a.com')).service).not.toBe(1);
  });
});

describe('P-18 a regular expression of a team’s', () => {
  let port: number;
  beforeAll(async () => {
    const rule = (regex: string, service: string): string =>
      `- match: [{ uri: { regex: ${JSON.stringify(regex)} } }]\n  route: [{ destination: { host: ${service}.test } }]`;
    port = await serve(
      virtualService('team', [rule('/open|/public', 'u1'), rule('/a.*c', 'u2'), to('u0')].join('\n'), '["a.com"]'),
    );
  });

  it.each([
    ['/open', 1],
    ['/public', 1],
    ['/open/x', 0],
    ['/x/public', 0],
    ['/openly', 0],
    ['/open%0a', 0],
    ['/open%0a/x', 0],
    ['/%0a/public', 0],
    ['/open?/x', 1],
    ['/abc', 2],
    ['/a%0abc', 2],
    ['/abcd', 0],
    ['/x/abc', 0],
  ] as const)('fits %s as a whole, or leaves it to service %i', async (target, service) => {
    expect(await ask(port, 'a.com', target)).toEqual({ status: 200, service });
  });
});

describe('P-16 a host other than the server name of the handshake', () => {
  const authority = createAuthority('Banyan test CA');
  const server = authority.issue({ subject: '/CN=edge', names: 'DNS:a.com,DNS:b.com' });
  const client = authority.issue({ subject: '/CN=client', usage: 'clientAuth' });
  let port: number;

  beforeAll(async () => {
    const secret = (name: string, extra: object): string => `
---
apiVersion: v1
kind: Secret
metadata: { name: ${name}, namespace: istio-system }
data: ${JSON.stringify(
      Object.fromEntries(
        Object.entries({ 'tls.crt': server.certificatePem, 'tls.key': server.keyPem, ...extra }).map(([key, text]) => [
          key,
          Buffer.from(text).toString('base64'),
        ]),
      ),
    )}
`;
    const text = `
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: secure, namespace: istio-system }
spec:
  selector: { istio: ingressgateway }
  servers:
    - { port: { number: TLS_PORT, name: a, protocol: HTTPS }, hosts: ["*/a.com"], tls: { mode: SIMPLE, credentialName: simple } }
    - { port: { number: TLS_PORT, name: b, protocol: HTTPS }, hosts: ["*/b.com"], tls: { mode: MUTUAL, credentialName: mutual } }
${secret('simple', {})}${secret('mutual', { 'ca.crt': authority.certificatePem })}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: a }
spec: { hosts: [a.com], gateways: [istio-system/secure], http: [{ route: [{ destination: { host: u0.test } }] }] }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: b }
spec: { hosts: [b.com], gateways: [istio-system/secure], http: [{ route: [{ destination: { host: u1.test } }] }] }
`;
    port = await freePort();
    await serve(text.replaceAll('TLS_PORT', String(port)));
  });

  /** Status and service of a request over TLS; 0: the connection ended without an answer. */
  const askTls = (servername: string, host: string, certificate?: Pair): Promise<Met> =>
    new Promise((resolve) => {
      let got = '';
      const socket = tls.connect({
        port,
        host: '127.0.0.1',
        servername,
        ca: authority.certificatePem,
        ...(certificate !== undefined && { cert: certificate.certificatePem, key: certificate.keyPem }),
      });
      const done = (): void => {
        socket.destroy();
        const service = /\r\nx-upstream: (\d)/i.exec(got)?.[1];
        resolve({
          status: Number(/^HTTP\/1\.1 (\d{3})/.exec(got)?.[1] ?? 0),
          service: service === undefined ? undefined : Number(service),
        });
      };
      socket.on('secureConnect', () => socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`));
      socket.on('data', (chunk) => {
        got += chunk.toString('latin1');
      });
      socket.on('error', done);
      socket.on('close', done);
    });

  it('reaches each by its own name, as its server demands', async () => {
    expect(await askTls('a.com', 'a.com')).toEqual({ status: 200, service: 0 });
    expect(await askTls('b.com', 'b.com', client)).toEqual({ status: 200, service: 1 });
    expect((await askTls('b.com', 'b.com')).status).toBe(0);
  });

  it.each(['b.com', 'B.COM', 'b.com:443', 'b.com.'])('does not reach %s past its client certificates', async (host) => {
    const met = await askTls('a.com', host);
    expect([400, 404, 421]).toContain(met.status);
    expect(met.service).toBeUndefined();
    expect((await askTls('a.com', host, client)).service).toBeUndefined();
    expect((await askTls('b.com', host)).status).toBe(0);
  });

  it('does not reach it by a connection of HTTP/2 that was made for another name either', async () => {
    const session = http2.connect(`https://127.0.0.1:${port}`, { servername: 'a.com', ca: authority.certificatePem });
    session.on('error', () => {});
    const askOver = (authorityName: string): Promise<Met> =>
      new Promise((resolve) => {
        const request = session.request({ ':path': '/', ':authority': authorityName });
        request.on('response', (headers) => {
          const service = headers['x-upstream'];
          resolve({ status: Number(headers[':status']), service: service === undefined ? undefined : Number(service) });
        });
        request.on('error', () => resolve({ status: 0, service: undefined }));
        request.resume();
      });
    expect(await askOver('a.com')).toEqual({ status: 200, service: 0 });
    const met = await askOver('b.com');
    expect([0, 404, 421]).toContain(met.status);
    expect(met.service).toBeUndefined();
    session.destroy();
  });

  it('does not reach one server by the other’s certificate demands either', async () => {
    expect((await askTls('b.com', 'a.com', client)).service).toBeUndefined();
  });
});
