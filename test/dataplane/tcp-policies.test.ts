import net from 'node:net';
import tls from 'node:tls';
import { status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { authorization } from '../../plugins/authorization/index.ts';
import { externalAuthorization } from '../../plugins/external-authorization/index.ts';
import type { GatewayPlugin } from '../../src/contract/index.ts';
import { checking, closeAll, entry, keep, saying } from '../support/authorized.ts';
import { frame, startGateway, type TestGateway } from '../support/gateway.ts';
import { TCP_ROUTE, toldTo } from '../support/tcp.ts';

afterEach(closeAll);

/** Says `served` to whoever connects. */
async function service(onConnection = (): void => {}): Promise<number> {
  const server = keep(net.createServer((socket) => socket.on('error', () => {}).end('served')));
  server.on('connection', onConnection);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as net.AddressInfo).port;
}

const policy = (spec: string, namespace = 'istio-system'): string => `
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: p${spec.length}, namespace: ${namespace} }
spec: ${spec}`;

const PLUGINS = [externalAuthorization, authorization] as readonly GatewayPlugin[];
/** What is written down of a connection, once it has ended. */
async function writtenOf({ connections }: TestGateway): Promise<unknown> {
  await vi.waitFor(() => expect(connections).toHaveLength(1), { interval: 5 });
  return connections[0];
}

async function serve(policies: string, mesh = {}, more = ''): Promise<TestGateway> {
  const text = frame({ db: await service() }, 'TCP') + TCP_ROUTE + policies + more;
  return keep(await startGateway(text, { plugins: PLUGINS, mesh }));
}

describe('policies for connections whose bytes are passed on', () => {
  it.each([
    ['nothing', '', ['served', 'served']],
    [
      'a DENY by address',
      policy('{ action: DENY, rules: [{ from: [{ source: { ipBlocks: [127.0.0.3] } }] }] }'),
      ['served', ''],
    ],
    [
      'an ALLOW by address',
      policy('{ rules: [{ from: [{ source: { remoteIpBlocks: [127.0.0.3] } }] }] }'),
      ['', 'served'],
    ],
    ['an ALLOW of nothing', policy('{}'), ['', '']],
    ['an ALLOW of everything', policy('{ rules: [{}] }'), ['served', 'served']],
    [
      'an ALLOW by what only requests have',
      policy('{ rules: [{ to: [{ operation: { methods: [GET] } }] }] }'),
      ['', ''],
    ],
    [
      'an ALLOW of which one rule needs no request',
      policy(
        '{ rules: [{ to: [{ operation: { notPaths: [/a] } }] }, { when: [{ key: source.ip, values: [127.0.0.2] }] }] }',
      ),
      ['served', ''],
    ],
    [
      'a DENY by what only requests have',
      policy('{ action: DENY, rules: [{ to: [{ operation: { paths: [/a] } }] }] }'),
      ['', ''],
    ],
    [
      'a DENY by that and an address',
      policy(
        '{ action: DENY, rules: [{ from: [{ source: { ipBlocks: [127.0.0.3], requestPrincipals: ["*"] } }], to: [{ operation: { hosts: [a] } }] }] }',
      ),
      ['served', ''],
    ],
    [
      'a DENY by that and another port',
      policy('{ action: DENY, rules: [{ to: [{ operation: { paths: [/a], ports: ["1"] } }] }] }'),
      ['served', 'served'],
    ],
    [
      'a DENY without a client certificate',
      policy('{ action: DENY, rules: [{ from: [{ source: { notPrincipals: ["*"] } }] }] }'),
      ['', ''],
    ],
    ['an AUDIT', policy('{ action: AUDIT, rules: [{}] }'), ['served', 'served']],
    ['a team’s, elsewhere', policy('{ action: DENY, rules: [{}] }', 'team'), ['served', 'served']],
    [
      'a team’s, for its own VirtualService',
      policy(
        '{ targetRefs: [{ group: networking.istio.io, kind: VirtualService, name: db }], action: DENY, rules: [{ from: [{ source: { ipBlocks: [127.0.0.3] } }] }] }',
        'team',
      ),
      ['served', ''],
    ],
  ])('%s', async (_, policies, [first, second]) => {
    const { port } = await serve(policies);
    expect([await toldTo('127.0.0.2', port), await toldTo('127.0.0.3', port)]).toEqual([first, second]);
  });

  it('are those of the latest table', async () => {
    const gateway = await serve('');
    expect(await toldTo('127.0.0.2', gateway.port)).toBe('served');
    await gateway.publish(frame({ db: await service() }, 'TCP') + TCP_ROUTE + policy('{}'));
    expect(await toldTo('127.0.0.2', gateway.port)).toBe('');
  });

  it('know the name that TLS asks for where it goes on as it came', async () => {
    let reached = 0;
    const db = await service(() => {
      reached += 1;
    });
    const text = frame({ db }, 'TCP')
      .replace('protocol: TCP }, hosts: ["*"]', 'protocol: TLS }, tls: { mode: PASSTHROUGH }, hosts: ["*"]')
      .concat(
        TCP_ROUTE.replace('tcp: [{', 'tls: [{ match: [{ sniHosts: ["*.a.com"] }],').replace(
          'hosts: ["*"]',
          'hosts: ["*.a.com"]',
        ),
      )
      .concat(policy('{ action: DENY, rules: [{ when: [{ key: connection.sni, values: [secret.a.com] }] }] }'));
    const { port } = keep(await startGateway(text, { plugins: PLUGINS }));
    // The service speaks no TLS: all that counts is whether it was reached.
    const hello = (servername: string): Promise<void> =>
      new Promise((resolve) => {
        const socket = tls.connect({ port, host: '127.0.0.1', servername, rejectUnauthorized: false });
        socket.on('error', () => {});
        socket.on('close', () => resolve());
      });
    await hello('secret.a.com');
    expect(reached).toBe(0);
    await hello('open.a.com');
    expect(reached).toBe(1);
  });
});

describe('an authorizer asked about connections', () => {
  const CUSTOM = policy(
    '{ action: CUSTOM, provider: { name: checker }, rules: [{ from: [{ source: { ipBlocks: [127.0.0.2] } }], to: [{ operation: { paths: [/a] } }] }] }',
  );
  const provider = (fields: object): object => ({ extensionProviders: [{ name: 'checker', ...fields }] });
  const overGrpc = (more = {}): object =>
    provider({ envoyExtAuthzGrpc: { service: 'checker.test', port: 9000, ...more } });

  it('lets one through and refuses another, and is told of both ends', async () => {
    const checker = await checking((call, callback) => {
      const { attributes } = call.request as { attributes: Record<string, unknown> };
      const { address } = attributes['source'] as { address: unknown };
      callback(null, { status: { code: JSON.stringify(address).includes('127.0.0.2') ? 0 : 7 } });
    });
    const { port } = await serve(
      CUSTOM.replace('127.0.0.2', '127.0.0.0/8'),
      overGrpc(),
      entry('checker', checker.port, 'GRPC'),
    );
    expect([await toldTo('127.0.0.2', port), await toldTo('127.0.0.3', port)]).toEqual(['served', '']);
    expect(checker.received[0]).not.toHaveProperty('attributes.request');
  });

  it.each([
    [false, ''],
    [true, 'served'],
  ])('that fails refuses, unless it may be open: failOpen %s', async (failOpen, expected) => {
    const checker = await checking((_, callback) => callback({ code: status.UNAVAILABLE }, null));
    const gateway = await serve(CUSTOM, overGrpc({ failOpen }), entry('checker', checker.port, 'GRPC'));
    expect(await toldTo('127.0.0.2', gateway.port)).toBe(expected);
    expect(await writtenOf(gateway)).toMatchObject(
      failOpen
        ? { cause: undefined, flags: [], upstreamFailure: undefined }
        : {
            cause: 'authorizer-failed',
            flags: ['UAEX'],
            details: 'ext_authz_error',
            upstreamFailure: expect.stringContaining('external authorizer: '),
          },
    );
  });

  it('that refuses is named', async () => {
    const checker = await saying({ status: { code: 7 } });
    const gateway = await serve(CUSTOM, overGrpc(), entry('checker', checker.port, 'GRPC'));
    expect(await toldTo('127.0.0.2', gateway.port)).toBe('');
    expect(await writtenOf(gateway)).toMatchObject({
      cause: 'authorizer-denied',
      flags: ['UAEX'],
      details: 'ext_authz_denied',
      upstreamFailure: undefined,
    });
  });

  it('is not asked where no rule fits', async () => {
    const checker = await saying({ status: { code: 7 } });
    const { port } = await serve(CUSTOM, overGrpc(), entry('checker', checker.port, 'GRPC'));
    expect([await toldTo('127.0.0.2', port), await toldTo('127.0.0.3', port)]).toEqual(['', 'served']);
  });

  it('over HTTP knows requests alone, and lets them all through', async () => {
    const { port } = await serve(
      CUSTOM,
      provider({ envoyExtAuthzHttp: { service: 'checker.test', port: 9000 } }),
      entry('checker', 1, 'HTTP'),
    );
    expect(await toldTo('127.0.0.2', port)).toBe('served');
  });

  it('that nobody knows refuses what its rules fit', async () => {
    const { port } = await serve(CUSTOM);
    expect([await toldTo('127.0.0.2', port), await toldTo('127.0.0.3', port)]).toEqual(['', 'served']);
  });

  it('that nobody knows is named by the rule that asks for it', async () => {
    const gateway = await serve(CUSTOM);
    await toldTo('127.0.0.2', gateway.port);
    expect(await writtenOf(gateway)).toMatchObject({
      cause: 'rbac-denied',
      terminationDetails: expect.stringMatching(
        /^rbac_access_denied_matched_policy\[.*ns\[istio-system\]-policy\[p\d+\]-rule\[0\]\]$/,
      ),
    });
  });
});

it('A filter that fails lets no connection through', async () => {
  const broken: GatewayPlugin = {
    spec: { name: 'broken', kinds: [], compileWorkload: () => ({}) },
    plugin: Object.assign(
      async (app: Parameters<GatewayPlugin['plugin']>[0]) =>
        app.banyan.contribute({
          name: 'broken',
          connection() {
            throw new Error('of its own');
          },
        }),
      { [Symbol.for('skip-override')]: true },
    ),
  };
  const gateway = keep(await startGateway(frame({ db: await service() }, 'TCP') + TCP_ROUTE, { plugins: [broken] }));
  expect(await toldTo('127.0.0.2', gateway.port)).toBe('');
  expect(gateway.errors).toEqual([new Error('of its own')]);
});
