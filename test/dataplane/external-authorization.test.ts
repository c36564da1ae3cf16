import http from 'node:http';
import http2 from 'node:http2';
import { status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import {
  ask,
  checking,
  closeAll,
  entry,
  header,
  keep,
  listening,
  POLICY,
  saying,
  serve,
} from '../support/authorized.ts';
import { frame, virtualService } from '../support/gateway.ts';
import { authorizer } from '../support/grpc-service.ts';
import { createAuthority } from '../unit/dataplane/downstream/certificates.ts';

afterEach(closeAll);

describe('an authorizer over gRPC', () => {
  it('is told about both ends, the request and all of its headers', async () => {
    const service = await saying({});
    const gateway = await serve(service.port);
    const answer = await ask(gateway.port, {
      method: 'PUT',
      path: '/caf%C3%A9/../x?y=%20z',
      headers: {
        'X-One': ['1', '2'],
        'x-envoy-auth-partial-body': 'true',
        'x-text': Buffer.from('é').toString('latin1'),
      },
    });
    expect([answer.status, answer.body]).toEqual([200, 'served']);
    const { attributes } = service.received[0] as { attributes: Record<string, Record<string, unknown>> };
    const { http: request, time } = attributes['request'] as Record<string, Record<string, unknown>>;
    expect(request).toMatchObject({
      id: gateway.records[0]?.requestId,
      method: 'PUT',
      path: '/x?y=%20z',
      host: 'shop.example.com',
      scheme: 'http',
      protocol: 'HTTP/1.1',
    });
    expect(request?.['headers']).toMatchObject({
      ':authority': 'shop.example.com',
      ':method': 'PUT',
      ':path': '/x?y=%20z',
      ':scheme': 'http',
      'x-one': '1,2',
      'x-text': 'é',
      'x-forwarded-for': '127.0.0.1',
    });
    expect(Object.keys(request?.['headers'] as object)).not.toEqual(
      expect.arrayContaining(['host', 'x-envoy-auth-partial-body']),
    );
    expect(request).not.toHaveProperty('body');
    expect(time?.['seconds']).toBe(Math.floor((gateway.records[0]?.startedAtMs ?? 0) / 1000));
    expect(attributes['source']).toEqual({ address: { socket_address: { address: '127.0.0.1' } } });
    expect(attributes['destination']).toEqual({
      address: { socket_address: { address: '127.0.0.1', port_value: gateway.port } },
    });
    expect(attributes).not.toHaveProperty('tls_session');
  });

  it.each([
    [{}, 'body', 'bød', 'false'],
    [{ packAsBytes: true }, 'raw_body', Buffer.from('bød'), 'false'],
    [{ maxRequestBytes: 1, allowPartialMessage: true }, 'body', 'b', 'true'],
    [{ maxRequestBytes: 2, allowPartialMessage: true }, 'body', 'b!', 'true'],
  ])('gets the body where it is asked for: %j', async (more, field, expected, partial) => {
    const service = await saying({});
    const gateway = await serve(service.port, { includeRequestBodyInCheck: { maxRequestBytes: 100, ...more } });
    expect((await ask(gateway.port, { method: 'POST' }, 'bød')).status).toBe(200);
    const request = (service.received[0] as never)['attributes']['request']['http'] as Record<string, unknown>;
    expect(request[field]).toEqual(expected);
    expect((request['headers'] as Record<string, string>)['x-envoy-auth-partial-body']).toBe(partial);
    expect(gateway.seen[0]?.body).toBe('bød');
  });

  it('gets a body of many frames', async () => {
    const service = await saying({});
    const fields = { includeRequestBodyInCheck: { maxRequestBytes: 1_000_000, packAsBytes: true } };
    const gateway = await serve(service.port, fields);
    const body = 'x'.repeat(700_000);
    expect((await ask(gateway.port, { method: 'POST' }, body)).status).toBe(200);
    const request = (service.received[0] as never)['attributes']['request']['http'] as Record<string, unknown>;
    expect([(request['raw_body'] as Buffer).length, request['size']]).toEqual([700_000, 700_000]);
    expect(gateway.seen[0]?.body).toHaveLength(700_000);
  });

  it('is asked over TLS where its DestinationRule says so', async () => {
    const pair = createAuthority('Authorizers').issue({ subject: '/CN=checker.test', names: 'DNS:checker.test' });
    const service = keep(await authorizer((_, callback) => callback(null, {}), pair));
    const extra = `
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: checker }
spec: { host: checker.test, trafficPolicy: { tls: { mode: SIMPLE, insecureSkipVerify: true } } }
`;
    const gateway = await serve(service.port, {}, { extra });
    expect((await ask(gateway.port)).status).toBe(200);
    expect(service.received).toHaveLength(1);
    // Not trusted: asked by nobody.
    const strict = await serve(service.port, {}, { extra: extra.replace(', insecureSkipVerify: true', '') });
    expect((await ask(strict.port)).status).toBe(403);
    expect(service.received).toHaveLength(1);
  });

  it('is not asked about a body that is too large for it', async () => {
    const service = await saying({});
    const gateway = await serve(service.port, { includeRequestBodyInCheck: { maxRequestBytes: 2 } });
    expect((await ask(gateway.port, { method: 'POST' }, 'bød')).status).toBe(413);
    expect(service.received).toHaveLength(0);
  });

  it('changes request, query and answer when it allows', async () => {
    const service = await saying({
      status: { code: 0 },
      ok_response: {
        headers: [
          header('X-User', 'ada'),
          header('x-list', 'two', { append: { value: true } }),
          header('x-new', 'one', { append: { value: true } }),
          header('x-kept', 'mine', { append_action: 1 }),
          header('x-absent', 'mine', { append_action: 3 }),
          header(':path', '/elsewhere'),
          header('host', 'evil.example.com'),
          header('content-length', '7'),
          header('transfer-encoding', 'chunked'),
        ],
        headers_to_remove: ['Authorization', 'host', ':method'],
        response_headers_to_add: [
          header('x-from', 'authorizer'),
          header('x-only', 'authorizer', { append_action: 2 }),
          header('content-length', '1'),
        ],
        query_parameters_to_set: [
          { key: 'b', value: 'd%20e' },
          { key: 'new', value: '1' },
        ],
        query_parameters_to_remove: ['token'],
      },
    });
    const gateway = await serve(service.port);
    const headers = { 'x-user': 'forged', 'x-list': 'one', 'x-kept': 'yours', authorization: 'Basic x' };
    const answer = await ask(gateway.port, { path: '/a?b=c&token=1&%74oken=2&z', headers });
    expect([answer.status, answer.body]).toEqual([200, 'served']);
    expect(answer.headers).toMatchObject({ 'x-from': 'web, authorizer', 'x-only': 'authorizer' });
    expect(gateway.seen[0]?.url).toBe('/a?b=d%20e&z&new=1');
    expect(gateway.seen[0]?.headers).toMatchObject({
      host: 'shop.example.com',
      'x-user': 'ada',
      'x-list': 'one,two',
      'x-new': 'one',
      'x-kept': 'yours',
    });
    for (const name of ['authorization', 'x-absent', 'content-length', 'transfer-encoding'])
      expect(gateway.seen[0]?.headers).not.toHaveProperty(name);
  });

  it('answers in its own words when it denies', async () => {
    const service = await saying({
      status: { code: status.PERMISSION_DENIED },
      denied_response: {
        status: { code: 401 },
        headers: [
          header('Set-Cookie', 'a=b'),
          header('set-cookie', 'c=d'),
          header('content-type', 'text/html'),
          header('content-length', '1000'),
        ],
        body: '<p>nö</p>',
      },
    });
    const gateway = await serve(service.port, { failOpen: true });
    const answer = await ask(gateway.port);
    expect([answer.status, answer.body, answer.headers['content-type']]).toEqual([401, '<p>nö</p>', 'text/html']);
    expect(answer.headers['set-cookie']).toEqual(['a=b', 'c=d']);
    expect(gateway.seen).toHaveLength(0);
    expect(gateway.records[0]).toMatchObject({
      flags: ['UAEX'],
      details: 'ext_authz_denied',
      cause: 'authorizer-denied',
    });
  });

  it.each([
    [{ status: { code: 7 } }, 403],
    [{ status: { code: 16 }, ok_response: { headers: [header('x-user', 'ada')] } }, 403],
    [{ status: { code: 7 }, denied_response: { status: { code: 429 } } }, 429],
    [{ status: { code: 7 }, denied_response: { status: { code: 101 } } }, 403],
    [{ status: { code: 0 }, denied_response: { status: { code: 401 } } }, 200],
    [{ status: { code: 13 }, error_response: { status: { code: 502 }, body: 'broken' } }, 502],
    [{ status: { code: 13 }, error_response: {} }, 403],
  ])('that says %j makes it %s', async (said, expected) => {
    const gateway = await serve((await saying(said)).port);
    expect((await ask(gateway.port)).status).toBe(expected);
    expect(gateway.seen).toHaveLength(expected === 200 ? 1 : 0);
  });

  it.each([
    ['a line break in a header', { headers: [header('x-a', 'b\r\nx-evil: 1')] }],
    ['a name that is none', { headers: [header('x a', 'b')] }],
    ['a header of the answer', { response_headers_to_add: [header('x-a', 'b\n')] }],
    ['a parameter that ends the query', { query_parameters_to_set: [{ key: 'a', value: 'b&admin=1' }] }],
    ['a parameter that ends the line', { query_parameters_to_remove: ['a HTTP/1.1\r\n'] }],
  ])('never gets through what would break the message: %s', async (_, ok) => {
    const gateway = await serve((await saying({ ok_response: ok })).port, { failOpen: true });
    expect((await ask(gateway.port)).status).toBe(500);
    expect(gateway.seen).toHaveLength(0);
    expect(gateway.records[0]).toMatchObject({ flags: ['UAEX'], details: 'ext_authz_invalid' });
  });

  it('is cancelled when the client leaves', async () => {
    const reached = Promise.withResolvers<void>();
    const cancelled = Promise.withResolvers<void>();
    const service = await checking((call) => {
      call.on('cancelled', () => cancelled.resolve());
      reached.resolve();
    });
    const gateway = await serve(service.port);
    const request = http.get({ port: gateway.port, agent: false, headers: { host: 'shop.example.com' } });
    request.on('error', () => {});
    await reached.promise;
    request.destroy();
    await cancelled.promise;
    await expect.poll(() => gateway.records).toHaveLength(1);
    expect(gateway.records[0]).toMatchObject({ flags: ['DC'], status: 0 });
    expect(gateway.seen).toHaveLength(0);
  });

  it('chooses the route anew where that is set', async () => {
    const service = await saying({ ok_response: { headers: [header('x-group', 'beta')] } });
    for (const clearRouteCache of [false, true]) {
      const gateway = await serve(service.port, { clearRouteCache });
      await gateway.publish(
        frame({ web: 1 }) +
          entry('checker', service.port, 'GRPC') +
          virtualService(
            'all',
            `- match: [{ headers: { x-group: { exact: beta } } }]
  directResponse: { status: 202 }
- directResponse: { status: 201 }`,
          ) +
          POLICY,
      );
      expect((await ask(gateway.port)).status).toBe(clearRouteCache ? 202 : 201);
    }
  });
});

describe('a client that speaks gRPC', () => {
  it('is told the denial in its own protocol', async () => {
    const service = await saying({
      status: { code: 7 },
      denied_response: { headers: [header('x-why', 'late')], body: 'not yet' },
    });
    const gateway = await serve(service.port);
    const session = http2.connect(`http://127.0.0.1:${gateway.port}`);
    const stream = session.request({
      ':method': 'POST',
      ':path': '/shop.Cart/Add',
      ':authority': 'shop.example.com',
      'content-type': 'application/grpc',
    });
    const head = await new Promise<http2.IncomingHttpHeaders>((resolve) => stream.once('response', resolve));
    session.destroy();
    expect(head).toMatchObject({ ':status': 200, 'grpc-status': '7', 'grpc-message': 'not yet', 'x-why': 'late' });
  });
});

describe('an authorizer over HTTP', () => {
  it('is no longer asked when the client has left', async () => {
    const reached = Promise.withResolvers<void>();
    const closed = Promise.withResolvers<void>();
    const server = http.createServer((_, response) => {
      response.on('close', () => closed.resolve());
      reached.resolve();
    });
    const port = await listening(server);
    const http1 = { protocol: 'HTTP', kind: 'envoyExtAuthzHttp' };
    const gateway = await serve(port, {}, http1);
    const request = http.get({ port: gateway.port, agent: false, headers: { host: 'shop.example.com' } });
    request.on('error', () => {});
    await reached.promise;
    request.destroy();
    await closed.promise;
    expect(gateway.seen).toHaveLength(0);
  });
});
