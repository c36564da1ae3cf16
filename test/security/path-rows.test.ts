import { generateKeyPairSync } from 'node:crypto';
import http2 from 'node:http2';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { authJwt } from '../../plugins/auth-jwt/index.ts';
import { authorization } from '../../plugins/authorization/index.ts';
import { requestLimits } from '../../plugins/edge-policy/index.ts';
import type { GatewayPlugin } from '../../src/contract/index.ts';
import { normalizePath, splitTarget } from '../../src/table/path.ts';
import { frame, startGateway, type TestGateway, virtualService } from '../support/gateway.ts';
import { seeded } from '../support/seeded.ts';
import { signedToken } from './jws.ts';
import { requestAuthentication } from './jwt-support.ts';
import { parameterSpellingsOf, randomTarget, servletPathOf, spellingsOf } from './path-targets.ts';
import { exchange, NEVER_OVERLOADED, type RawAnswer, type RecordingUpstream, recordingUpstream } from './support.ts';
import { APACHE, CANARY, NGINX, startApache, startNginx, type WebServer } from './web-servers.ts';

/*
 * P-01 to P-13, P-17 and P-19 of edge-security §1: `/admin` behind a DENY and `/private` behind a token, every spelling of
 * them, and what real web servers make of what still reaches them.
 */

const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const token = signedToken('ES256', privateKey, { iss: 'login', sub: 'a' });

const POLICIES = `${requestAuthentication({ issuer: 'login', jwks: JSON.stringify(publicKey.export({ format: 'jwk' })) })}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: paths, namespace: istio-system }
spec:
  action: DENY
  rules:
    - to: [{ operation: { paths: ["/admin", "/admin/*"] } }]
    - to: [{ operation: { paths: ["/private", "/private/*"] } }]
      from: [{ source: { notRequestPrincipals: ["*"] } }]
`;

/** A rewrite that takes a prefix off is what P-10 twists. */
const guarded = (port: number, more = ''): Promise<TestGateway> =>
  startGateway(
    frame({ shop: port }) +
      virtualService(
        'shop',
        `- match: [{ uri: { prefix: /api } }]
  rewrite: { uri: / }
  route: [{ destination: { host: shop.test } }]
- route: [{ destination: { host: shop.test } }]`,
      ) +
      POLICIES +
      more,
    {
      plugins: [requestLimits, authJwt, authorization] as readonly GatewayPlugin[],
      mesh: { pathNormalization: 'decode-and-merge-slashes' },
      overload: NEVER_OVERLOADED,
    },
  );

const ask = (port: number, target: string, headers = ''): Promise<RawAnswer> =>
  exchange(port, `GET ${target} HTTP/1.1\r\nHost: shop.example.com\r\n${headers}\r\n`);

const NAMES = ['admin', 'private'];
const ALL = NAMES.flatMap(spellingsOf);

const normalOf = (target: string) => normalizePath(splitTarget(target).path, 'decode-and-merge-slashes');

const isUnderApi = (target: string): boolean => {
  const normal = normalOf(target);
  return normal.ok && normal.path.startsWith('/api');
};

/** `/api/admin`: the rule takes the prefix off for whoever asks plainly, and the policies speak of the path before. */
const isMeantByRewrite = (target: string): boolean => {
  const normal = normalOf(target);
  return normal.ok && /^\/api\/*(admin|private)(\/|$)/.test(normal.path);
};

/** More of them by hand: `BANYAN_RANDOM_PATHS=20000 npx vitest run test/security/path-rows.test.ts`. */
const RANDOM_PATHS = Number(process.env['BANYAN_RANDOM_PATHS'] ?? 400);
const randomTargets = (seed: number): readonly string[] => {
  const random = seeded(seed);
  return Array.from({ length: RANDOM_PATHS }, (_, i) => randomTarget(random, NAMES[i % 2] as string));
};

describe('what reaches a service', () => {
  let upstream: RecordingUpstream;
  let gateway: TestGateway;
  beforeAll(async () => {
    upstream = await recordingUpstream();
    gateway = await guarded(upstream.port);
  });
  afterAll(async () => {
    await gateway.close();
    upstream.close();
  });
  beforeEach(() => {
    upstream.arrived.length = 0;
  });

  it.each(ALL)('%s %s is refused, or nothing that the rules name', async (_row, target) => {
    const { status } = await ask(gateway.port, target);
    expect([200, 400, 401, 403, 404]).toContain(status);
    if (status !== 200) expect(upstream.arrived).toEqual([]);
    for (const { target: reached } of upstream.arrived) {
      expect(reached).not.toMatch(/^\/(admin|private)([/?#]|$)/);
      expect(reached.split('?')[0]).not.toMatch(/[\\#]|%2f|%5c|%00|\/\/|\/\.\.?(\/|$)/i);
    }
  });

  it.each(ALL)('%s %s over HTTP/2 as well', async (_row, target) => {
    const status = await askHttp2(gateway.port, target);
    expect([0, 200, 400, 401, 403, 404]).toContain(status);
    if (status !== 200) expect(upstream.arrived).toEqual([]);
    for (const { target: reached } of upstream.arrived) expect(reached).not.toMatch(/^\/(admin|private)([/?#]|$)/);
  });

  it.each([
    ['P-12', '/ADMIN'],
    ['P-12', '/Private'],
    ['P-12', '/admin;a=b'],
    ['P-13', '/administrator'],
    ['P-13', '/x/admin'],
    ['P-13', '/admin.'],
    ['P-01', '/?/admin'],
    ['P-01', '/x?../admin'],
    ['P-02', '/#/admin'],
    ['P-05', '/admin/../x'],
    ['P-10', '/api/x'],
    ['P-09', '/caf%C3%A9'],
    ['P-09', '/a%20b'],
    ['P-17', '/100%25'],
  ])('%s %s is none of them, and passes', async (_row, target) => {
    expect((await ask(gateway.port, target)).status).toBe(200);
    expect(upstream.arrived).toHaveLength(1);
  });

  it.each(['/private', '/private/x', '/x/../private', '/%70rivate'])('%s passes with a token', async (target) => {
    expect((await ask(gateway.port, target, `Authorization: Bearer ${token}\r\n`)).status).toBe(200);
    expect((await ask(gateway.port, target, 'Authorization: Bearer a.b.c\r\n')).status).toBe(401);
    expect(upstream.arrived).toHaveLength(1);
  });

  it('is what was matched and judged (P-19), for whatever path', async () => {
    for (const target of randomTargets(7)) {
      upstream.arrived.length = 0;
      const { status } = await ask(gateway.port, target);
      const { query } = splitTarget(target);
      const normal = normalOf(target);
      const denied = normal.ok && /^\/(admin|private)(\/|$)/.test(normal.path);
      expect({ target, status }).toEqual({ target, status: !normal.ok ? 400 : denied ? 403 : status });
      if (isUnderApi(target) || !normal.ok || denied) continue;
      expect({ target, reached: upstream.arrived.map((one) => one.target) }).toEqual({
        target,
        reached: [normal.path + query],
      });
    }
  });
});

const refusing = (limits: string): string => `---
apiVersion: banyan.dev/v1alpha1
kind: EdgePolicy
metadata: { name: paths, namespace: istio-system }
spec: { limits: { ${limits} } }
`;

describe('services that know path parameters', () => {
  const SPELLINGS = NAMES.flatMap(parameterSpellingsOf);
  const BY_ESCAPES = SPELLINGS.filter((target) => /%2e\.?(%2e)?;/i.test(target));
  let upstream: RecordingUpstream;
  beforeAll(async () => {
    upstream = await recordingUpstream();
  });
  afterAll(() => upstream.close());

  /** What such a service is asked for that the rules name, by how it was asked. */
  async function secretsReached(limits: string | undefined, targets: readonly string[]): Promise<string[]> {
    const gateway = await guarded(upstream.port, limits === undefined ? '' : refusing(limits));
    const reached: string[] = [];
    for (const target of targets) {
      upstream.arrived.length = 0;
      await ask(gateway.port, target);
      if (upstream.arrived.some((one) => /^\/(admin|private)(\/|$)/.test(servletPathOf(one.target))))
        reached.push(target);
    }
    await gateway.close();
    return reached;
  }

  it('are reached behind the rules, as through Istio, where nothing is set', async () => {
    expect(await secretsReached(undefined, SPELLINGS)).toEqual(SPELLINGS);
  });

  it('are not by dots that hide in escapes, where unsafe ones are refused', async () => {
    expect(BY_ESCAPES.length).toBeGreaterThan(4);
    expect(await secretsReached('unsafeEscapes: REFUSE', BY_ESCAPES)).toEqual([]);
  });

  it('are not at all where parameters are refused, however the path is spelled', async () => {
    const meant = [...ALL.map(([, target]) => target), ...randomTargets(11)].filter((one) => !isMeantByRewrite(one));
    expect(await secretsReached('pathParameters: REFUSE', [...SPELLINGS, ...meant])).toEqual([]);
  });
});

describe('a path that is normalised twice', () => {
  const twice = (path: string) => {
    const once = normalizePath(path, 'decode-and-merge-slashes');
    return once.ok ? { once: once.path, again: normalizePath(once.path, 'decode-and-merge-slashes') } : undefined;
  };

  it('changes by nothing but dots with parameters, which unsafeEscapes refuses (P-19)', () => {
    for (const target of [...randomTargets(19), ...ALL.map(([, path]) => path)]) {
      const both = twice(splitTarget(target).path);
      if (both === undefined || /\/\.\.?;/.test(both.once)) continue;
      expect(both.again).toEqual({ ok: true, path: both.once });
    }
    expect(twice('/x/%2e%2e;/admin')).toEqual({ once: '/x/..;/admin', again: { ok: true, path: '/admin' } });
  });
});

async function askHttp2(port: number, target: string): Promise<number> {
  const session = http2.connect(`http://127.0.0.1:${port}`);
  session.on('error', () => {});
  try {
    return await new Promise<number>((resolve) => {
      const request = session.request({ ':path': target, ':authority': 'shop.example.com' });
      request.on('response', (headers) => resolve(Number(headers[':status'])));
      request.on('error', () => resolve(0));
      request.on('close', () => resolve(0));
      request.resume();
    });
  } finally {
    session.destroy();
  }
}

describe.each([
  { name: 'nginx', program: NGINX, start: startNginx },
  { name: 'Apache', program: APACHE, start: startApache },
])('a real $name behind it', ({ name, program, start }) => {
  describe.skipIf(program === undefined)(
    program === undefined ? `(${name} is not installed)` : 'serves its secrets',
    () => {
      let server: WebServer;
      let gateway: TestGateway;
      beforeAll(async () => {
        server = await start();
        gateway = await guarded(server.port);
      });
      afterAll(async () => {
        await gateway?.close();
        await server?.close();
      });

      it('to whoever comes directly, or with a token', async () => {
        for (const secret of ['/admin', '/private/', '/x/../admin/', '//private/'])
          expect((await ask(server.port, secret)).head.toLowerCase()).toContain(CANARY);
        const { head } = await ask(gateway.port, '/private/', `Authorization: Bearer ${token}\r\n`);
        expect(head.toLowerCase()).toContain(CANARY);
        expect((await ask(gateway.port, '/')).body).toContain('public');
      });

      it('to nobody else, however they are spelled', async () => {
        const hits: string[] = [];
        for (const [row, target] of ALL)
          if ((await ask(gateway.port, target)).head.toLowerCase().includes(CANARY)) hits.push(`${row} ${target}`);
        expect(hits).toEqual([]);
      });

      it('to nobody by chance', async () => {
        const hits: string[] = [];
        for (const target of randomTargets(name.length)) {
          if (isMeantByRewrite(target)) continue;
          if ((await ask(gateway.port, target)).head.toLowerCase().includes(CANARY)) hits.push(target);
        }
        expect(hits).toEqual([]);
      });
    },
  );
});
