import { describe, expect, it } from 'vitest';
import {
  type ExternalAuthorizationSettings,
  externalAuthorizationSpec,
} from '../../../../plugins/external-authorization/config.ts';
import { createExternalAuthorizationFilter } from '../../../../plugins/external-authorization/hook.ts';
import { externalAuthorization } from '../../../../plugins/external-authorization/index.ts';
import {
  HeaderList,
  type ImaginedRequest,
  type LocalReply,
  type OwnAnswer,
  type OwnRequest,
} from '../../../../src/contract/index.ts';
import { type FakeExchange, type FakeRequest, fakeExchange } from '../../../support/fake-exchange.ts';
import { type FakeContext, fakeContext, fakePolicy, type WrittenPolicy } from '../../../support/policy-context.ts';

const custom = (written: Partial<WrittenPolicy> = {}, provider = 'checker') =>
  fakePolicy('AuthorizationPolicy', {
    ...written,
    spec: { action: 'CUSTOM', provider: { name: provider }, rules: [{}], ...(written.spec as object | undefined) },
  });

const http = (fields: object = {}) => ({
  name: 'checker',
  envoyExtAuthzHttp: { service: 'checker.security.svc.cluster.local', port: 8000, ...fields },
});

const contextWith = (policies: ReturnType<typeof custom>[], ...extensionProviders: object[]): FakeContext =>
  fakeContext(policies, {
    mesh: { extensionProviders },
    serviceNamespaces: (host) => {
      if (host === 'checker.everywhere') return ['security', 'shop', 'security'];
      return host === 'checker' || host.startsWith('checker.') ? ['security', 'security'] : [];
    },
    resolveCluster: (host, port) =>
      host.startsWith('checker.') && port < 9000 ? `outbound|${port}||${host}` : undefined,
  });

const compile = (context: FakeContext): ExternalAuthorizationSettings => {
  const settings = externalAuthorizationSpec.compileWorkload?.(context);
  return JSON.parse(JSON.stringify(settings)) as ExternalAuthorizationSettings;
};

interface Outcome {
  readonly reply: LocalReply | undefined;
  readonly exchange: FakeExchange;
  readonly asked: readonly { readonly cluster: string; readonly request: OwnRequest }[];
  /** The answer's headers, after the filter. */
  readonly headers: HeaderList;
}

const answer = (status: number, headers: readonly (readonly [string, string])[] = [], body = ''): OwnAnswer => ({
  kind: 'answer',
  status,
  headers,
  body: Buffer.from(body),
});

async function send(
  settings: ExternalAuthorizationSettings,
  request: FakeRequest = {},
  said: OwnAnswer = answer(200),
): Promise<Outcome> {
  const asked: { cluster: string; request: OwnRequest }[] = [];
  const filter = createExternalAuthorizationFilter(async (cluster, check) => {
    asked.push({ cluster, request: check });
    return said;
  });
  filter.published?.([settings]);
  const exchange = fakeExchange(request);
  const reply = await filter.request?.(exchange, settings);
  const headers = HeaderList.from([['x-from-authz', 'backend']]);
  filter.response?.(exchange, { status: 200, headers, origin: 'upstream' }, settings);
  return { reply, exchange, asked, headers };
}

const settingsOf = (fields: object = {}, ...policies: ReturnType<typeof custom>[]) =>
  compile(contextWith(policies.length === 0 ? [custom()] : policies, http(fields)));

describe('the authorizer', () => {
  it('is asked what a rule fits, and nothing else', async () => {
    const rules = [{ to: [{ operation: { paths: ['/checked*'] } }] }];
    const settings = settingsOf({}, custom({ spec: { rules } }));
    expect((await send(settings, { path: '/checked/a' })).asked).toHaveLength(1);
    expect((await send(settings, { path: '/open' })).asked).toHaveLength(0);
  });

  it('is not asked where there is no route', async () => {
    const { asked, reply } = await send(settingsOf(), { route: null }, answer(403));
    expect(asked).toHaveLength(0);
    expect(reply).toBeUndefined();
  });

  it('is told method, host, path, query and authorization, and of the rest what is listed', async () => {
    const settings = settingsOf({
      pathPrefix: '/verify',
      includeRequestHeadersInCheck: ['X-One', 'x-two-*', '*-three'],
      includeAdditionalHeadersInCheck: {
        'X-Gateway': 'edge',
        'x-url': '%REQ(:SCHEME)%://%REQ(:authority)%%REQ(:path)%',
        'x-sure': '100%%',
      },
    });
    const { asked } = await send(settings, {
      method: 'PUT',
      authority: 'Shop.example.com:8080',
      path: '/a%20b',
      query: '?c=d',
      headers: [
        ['Authorization', 'Basic x'],
        ['X-One', '1'],
        ['x-one', '2'],
        ['x-two-a', '3'],
        ['x-a-three', '4'],
        ['x-four', '5'],
        ['x-gateway', 'forged'],
        ['content-length', '7'],
        ['cookie', 'a=b'],
      ],
    });
    expect(asked).toEqual([
      {
        cluster: 'outbound|8000||checker.security.svc.cluster.local',
        request: {
          method: 'PUT',
          path: '/verify/a%20b?c=d',
          authority: 'Shop.example.com:8080',
          headers: [
            ['authorization', 'Basic x'],
            ['x-one', '1,2'],
            ['x-two-a', '3'],
            ['x-a-three', '4'],
            ['x-gateway', 'edge'],
            ['x-url', 'http://Shop.example.com:8080/a%20b?c=d'],
            ['x-sure', '100%'],
          ],
          body: undefined,
          timeoutMs: 600_000,
          maxAnswerBytes: 2 ** 20,
          onAbandon: expect.any(Function),
        },
      },
    ]);
  });

  it.each([
    ['counts alone', { includeHeadersInCheck: ['x-old'] }, ['x-old']],
    ['counts beside an empty one', { includeRequestHeadersInCheck: [], includeHeadersInCheck: ['x-old'] }, ['x-old']],
    [
      'is passed over beside the new one',
      { includeRequestHeadersInCheck: ['x-new'], includeHeadersInCheck: ['x-old'] },
      ['x-new'],
    ],
  ])('the old name of the list of headers %s', async (_title, fields, names) => {
    const headers: [string, string][] = [
      ['x-old', '1'],
      ['x-new', '2'],
    ];
    const { asked } = await send(settingsOf(fields), { headers });
    expect(asked[0]?.request.headers.map(([name]) => name)).toEqual(names);
  });

  it('is told UTF-8, and never what the client says of the body', async () => {
    const settings = settingsOf({ pathPrefix: '/é', includeRequestHeadersInCheck: ['x-*'] });
    const { asked } = await send(settings, {
      path: '/\xc3\xa9\xff',
      headers: [
        ['x-good', '\xc3\xa9'],
        ['x-bad', 'a\xe9\xe2\x82b'],
        ['x-envoy-auth-partial-body', 'true'],
      ],
    });
    expect(asked[0]?.request).toMatchObject({
      path: '/\xc3\xa9/\xc3\xa9!',
      headers: [
        ['x-good', '\xc3\xa9'],
        ['x-bad', 'a!!!b'],
      ],
    });
  });

  it('has Envoy’s operators filled in, and nothing added where they come out empty', async () => {
    const settings = settingsOf({
      includeRequestHeadersInCheck: ['x-kept'],
      includeAdditionalHeadersInCheck: {
        'x-client': '%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% by %PROTOCOL%',
        'x-either': '%REQ(x-no?x-one)%',
        'x-none': '%REQ(x-no)%',
        'x-kept': '%REQ(x-no)%',
        'x-empty': '',
      },
    });
    const { asked } = await send(settings, {
      clientAddress: '203.0.113.9',
      headers: [
        ['x-one', '1'],
        ['x-kept', 'own'],
      ],
    });
    expect(asked[0]?.request.headers).toEqual([
      ['x-kept', 'own'],
      ['x-client', '203.0.113.9 by HTTP/1.1'],
      ['x-either', '1'],
    ]);
  });

  it.each([
    [200, undefined],
    [201, 201],
    [204, 204],
    [302, 302],
    [401, 401],
    [403, 403],
    [429, 429],
    [500, 403],
    [503, 403],
    [599, 403],
  ])('that answers %s makes it %s', async (status, expected) => {
    expect((await send(settingsOf(), {}, answer(status))).reply?.status).toBe(expected);
  });

  it('that cannot be asked refuses, with the status that is set, or lets pass', async () => {
    const failed: OwnAnswer = { kind: 'failed', reason: 'timeout' };
    expect((await send(settingsOf(), {}, failed)).reply).toMatchObject({
      status: 403,
      cause: 'authorizer-failed',
      details: 'ext_authz_error',
      flag: 'UAEX',
    });
    expect((await send(settingsOf({ statusOnError: '503' }), {}, failed)).reply?.status).toBe(503);
    for (const said of [failed, answer(500)])
      expect((await send(settingsOf({ failOpen: true, statusOnError: '503' }), {}, said)).reply).toBeUndefined();
    expect((await send(settingsOf({ failOpen: true }), {}, answer(403))).reply?.status).toBe(403);
  });

  it('is given the time that is set', async () => {
    expect((await send(settingsOf({ timeout: '0.5s' }))).asked[0]?.request.timeoutMs).toBe(500);
  });
});

describe('a refusal', () => {
  const headers = [
    ['content-type', 'text/html'],
    ['content-length', '2'],
    ['date', 'today'],
    ['set-cookie', 'a=b'],
    ['set-cookie', 'c=d'],
    ['location', '/login'],
    ['www-authenticate', 'Basic'],
    ['x-why-not', 'late'],
  ] as const;

  it('is passed on with its body and all of its headers', async () => {
    const { reply } = await send(settingsOf(), {}, answer(401, headers, 'no'));
    expect(reply).toMatchObject({
      status: 401,
      cause: 'authorizer-denied',
      details: 'ext_authz_denied',
      flag: 'UAEX',
      headers: headers.slice(3),
      body: { contentType: 'text/html' },
    });
    expect(Buffer.from(reply?.body?.bytes ?? []).toString()).toBe('no');
  });

  it('is passed on with the headers that are listed, and those that any refusal needs', async () => {
    const { reply } = await send(settingsOf({ headersToDownstreamOnDeny: ['X-Why-*'] }), {}, answer(401, headers));
    expect(reply?.headers?.map(([name]) => name)).toEqual(['location', 'www-authenticate', 'x-why-not']);
    expect(reply?.body?.contentType).toBe('text/plain');
  });
});

describe('a permission', () => {
  const listed = { headersToUpstreamOnAllow: ['x-user-*', 'authorization', 'host', 'content-length'] };

  it('replaces the client’s headers by those that are listed, and leaves what it does not name', async () => {
    const request: FakeRequest = {
      headers: [
        ['x-user-id', 'forged'],
        ['x-user-id', 'twice'],
        ['x-user-name', 'own'],
        ['x-other', '1'],
      ],
    };
    const said = [
      ['x-user-id', '7'],
      ['authorization', 'Bearer i'],
      ['x-other', '2'],
      ['host', 'evil'],
      ['content-length', '9'],
    ] as const;
    const { exchange } = await send(settingsOf(listed), request, answer(200, said));
    expect([...exchange.headers]).toEqual([
      ['x-user-id', '7'],
      ['x-user-name', 'own'],
      ['x-other', '1'],
      ['authorization', 'Bearer i'],
    ]);
    expect(exchange.reselections).toBe(0);
  });

  it('may take headers off the request, but not its host', async () => {
    const request: FakeRequest = {
      headers: [
        ['x-a', '1'],
        ['x-b', '2'],
        ['host', 'h'],
      ],
    };
    const said = answer(200, [['x-envoy-auth-headers-to-remove', 'X-A, host, :path']]);
    expect([...(await send(settingsOf(listed), request, said)).exchange.headers]).toEqual([
      ['x-b', '2'],
      ['host', 'h'],
    ]);
  });

  it('never passes on which headers it may take off', async () => {
    const all = settingsOf({ headersToUpstreamOnAllow: ['x-*'], headersToDownstreamOnAllow: ['x-*'] });
    const lines = [
      ['x-envoy-auth-headers-to-remove', 'x-a'],
      ['x-user-id', '7'],
    ] as const;
    const allowed = await send(all, {}, answer(200, lines));
    expect([...allowed.exchange.headers]).toEqual([['x-user-id', '7']]);
    expect([...allowed.headers].map(([name]) => name)).toEqual(['x-from-authz', 'x-user-id']);
    const refused = await send(settingsOf({}), {}, answer(403, lines));
    expect(refused.reply?.headers).toEqual([['x-user-id', '7']]);
  });

  it('adds to the answer what is listed for the client', async () => {
    const settings = settingsOf({ headersToDownstreamOnAllow: ['x-from-authz'] });
    const said = answer(200, [
      ['x-from-authz', 'yes'],
      ['x-other', '1'],
    ]);
    expect([...(await send(settings, {}, said)).headers]).toEqual([
      ['x-from-authz', 'backend'],
      ['x-from-authz', 'yes'],
    ]);
    expect([
      ...(await send(settings, {}, answer(403, said.kind === 'answer' ? said.headers : []))).headers,
    ]).toHaveLength(1);
  });
});

describe('the body of a check', () => {
  const settings = (allowPartialMessage: boolean) =>
    settingsOf({ includeRequestBodyInCheck: { maxRequestBytes: 8, allowPartialMessage } });
  const check = async (body: string, partial: boolean) => {
    const { asked, reply } = await send(settings(partial), { body: Buffer.from(body) });
    const sent = asked[0]?.request;
    return {
      status: reply?.status,
      body: sent?.body === undefined ? undefined : Buffer.from(sent.body).toString(),
      partial: sent?.headers.find(([name]) => name === 'x-envoy-auth-partial-body')?.[1],
    };
  };

  it.each([
    ['four', false, { status: undefined, body: 'four', partial: 'false' }],
    ['12345678', false, { status: undefined, body: '12345678', partial: 'false' }],
    ['123456789', false, { status: 413, body: undefined, partial: undefined }],
    ['', false, { status: undefined, body: undefined, partial: undefined }],
    ['four', true, { status: undefined, body: 'four', partial: 'false' }],
    ['1234567890abc', true, { status: undefined, body: '12345678', partial: 'true' }],
    ['', true, { status: undefined, body: undefined, partial: undefined }],
  ] as const)('%j, cut if need be: %s', async (body, partial, expected) => {
    expect(await check(body, partial)).toEqual(expected);
  });

  it.each([
    ['cut within a letter', {}, '1234567!'],
    ['cut within a letter, as bytes', { packAsBytes: true }, '1234567\xc3'],
  ])('%s', async (_title, more, expected) => {
    const includeRequestBodyInCheck = { maxRequestBytes: 8, allowPartialMessage: true, ...more };
    const { asked } = await send(settingsOf({ includeRequestBodyInCheck }), { body: Buffer.from('1234567é') });
    expect(Buffer.from(asked[0]?.request.body ?? []).toString('latin1')).toBe(expected);
  });

  it('is none where it is not asked for', async () => {
    const { asked } = await send(settingsOf(), { body: Buffer.from('x') });
    expect(asked[0]?.request.body).toBeUndefined();
  });
});

describe('a provider that cannot be asked', () => {
  const paths = (path: string) => ({ spec: { rules: [{ to: [{ operation: { paths: [path] } }] }] } });

  it.each([
    ['is unknown', [custom(paths('/c'), 'nobody')], [http()]],
    ['has no service', [custom(paths('/c'))], [http({ service: 'absent.security' })]],
    ['traces', [custom(paths('/c'))], [{ name: 'checker', zipkin: { service: 'checker.x', port: 1 } }]],
    [
      'speaks gRPC and has no service',
      [custom(paths('/c'))],
      [{ name: 'checker', envoyExtAuthzGrpc: { service: 'absent.x', port: 1 } }],
    ],
    ['has a bad timeout', [custom(paths('/c'))], [http({ timeout: 'soon' })]],
    ['has a bad status', [custom(paths('/c'))], [http({ statusOnError: '42' })]],
    ['has a status that Envoy does not name', [custom(paths('/c'))], [http({ statusOnError: '299' })]],
    [
      'is in another namespace than it says',
      [custom(paths('/c'))],
      [http({ service: 'other/checker.security.svc.cluster.local' })],
    ],
    ['has a bad prefix', [custom(paths('/c'))], [http({ pathPrefix: 'verify' })]],
    ['has a prefix that is no path', [custom(paths('/c'))], [http({ pathPrefix: '/verify%2' })]],
    ['has a control character in its prefix', [custom(paths('/c'))], [http({ pathPrefix: '/verify\n' })]],
    ['has no port', [custom(paths('/c'))], [http({ port: undefined, failOpen: true })]],
    ['has the port 0', [custom(paths('/c'))], [http({ port: 0, failOpen: true })]],
    ['has a port beyond all', [custom(paths('/c'))], [http({ port: 65_536, failOpen: true })]],
    ['asks for any header', [custom(paths('/c'))], [http({ includeRequestHeadersInCheck: ['x-a', '*'] })]],
    ['asks for any header by the old name', [custom(paths('/c'))], [http({ includeHeadersInCheck: ['*'] })]],
    ['lets any header go up', [custom(paths('/c'))], [http({ headersToUpstreamOnAllow: ['*'] })]],
    ['lets any header go back', [custom(paths('/c'))], [http({ headersToDownstreamOnAllow: ['*'] })]],
    ['refuses with any header', [custom(paths('/c'))], [http({ headersToDownstreamOnDeny: ['*'] })]],
    ['has a short name', [custom(paths('/c'))], [http({ service: 'checker' })]],
    ['has a short name in a namespace', [custom(paths('/c'))], [http({ service: 'security/checker' })]],
    ['is in several namespaces', [custom(paths('/c'))], [http({ service: 'checker.everywhere' })]],
    ['has a name that another has', [custom(paths('/c'))], [http(), http()]],
    [
      'is one of two',
      [custom(paths('/c')), custom({ name: 'two', ...paths('/d') }, 'second')],
      [http(), { ...http(), name: 'second' }],
    ],
  ] as const)('refuses what its rules fit, and only that: it %s', async (_, policies, providers) => {
    const context = contextWith([...policies], ...providers);
    const settings = compile(context);
    const refused = await send(settings, { path: '/c' });
    expect(refused.reply).toMatchObject({ status: 403, cause: 'rbac-denied' });
    expect(refused.asked).toHaveLength(0);
    expect((await send(settings, { path: '/c', route: null })).reply?.status).toBe(403);
    expect((await send(settings, { path: '/open' })).reply).toBeUndefined();
    expect(context.findings).toHaveLength(policies.length);
    expect(context.findings[0]).toMatchObject({ code: 'unusable-provider', field: ['spec', 'provider', 'name'] });
  });
});

describe('a provider that can be asked', () => {
  it.each([
    ['of one of several namespaces', [http({ service: 'shop/checker.everywhere' })]],
    [
      'with the name of one that authorizes nothing',
      [http(), { name: 'checker', zipkin: { service: 'x.y', port: 1 } }],
    ],
    ['beside others', [{ ...http(), name: 'second' }, http(), { ...http(), name: 'second' }]],
    ['whose prefix has escapes, blanks and other letters', [http({ pathPrefix: '/vér%2fify me?' })]],
    ['whose port is text', [http({ port: '8000' })]],
    ['with the beginnings and ends of names', [http({ headersToDownstreamOnDeny: ['x-*', '*-id', 'x'] })]],
  ])('%s', (_, providers) => {
    const context = contextWith([custom()], ...providers);
    expect(compile(context).provider.kind).toBe('http');
    expect(context.findings).toEqual([]);
  });
});

describe('what would become of a request', () => {
  const foreseen = (settings: ExternalAuthorizationSettings, path: string): readonly string[] =>
    externalAuthorizationSpec.foresee?.(fakeExchange({ path }) as unknown as ImaginedRequest, settings) ?? [];
  const rules = [
    { to: [{ operation: { paths: ['/c'] } }] },
    { from: [{ source: { remoteIpBlocks: ['10.0.0.0/8'] } }], to: [{ operation: { paths: ['/d'] } }] },
  ];

  it('is told: asked, perhaps asked, or neither', () => {
    const settings = settingsOf({}, custom({ spec: { rules } }));
    const name = 'istio-ext-authz-checker-ns[istio-system]-policy[policy]-rule';
    expect(foreseen(settings, '/c')).toEqual([`the authorizer is asked: the rule ${name}[0] fits`]);
    expect(foreseen(settings, '/d')).toEqual([
      `the authorizer is asked if the rule ${name}[1] fits, which looks at remote-ip`,
    ]);
    expect(foreseen(settings, '/e')).toEqual([]);
  });

  it('is told of what cannot be asked, and so is refused', () => {
    expect(foreseen(compile(contextWith([custom({ spec: { rules } })])), '/c')).toEqual([
      expect.stringMatching(/^refused, 403, since its provider cannot be asked: the rule .* fits$/),
    ]);
  });
});

describe('a port that is spoken to in HTTP/1.1', () => {
  const grpc = { name: 'checker', envoyExtAuthzGrpc: { service: 'infra/checker.security.svc', port: 9000 } };
  const compiled = (provider: object, speaksHttp2: boolean) => {
    const asked: unknown[] = [];
    const context = fakeContext([custom()], {
      mesh: { extensionProviders: [provider] },
      serviceNamespaces: () => ['infra'],
      resolveCluster: () => 'c',
      speaksHttp2: (...question) => {
        asked.push(question);
        return speaksHttp2;
      },
    });
    return { settings: compile(context), findings: context.findings, asked };
  };

  it('is reported for an authorizer over gRPC, which counts as one that fails', () => {
    const { settings, findings, asked } = compiled(grpc, false);
    expect(asked).toEqual([['checker.security.svc', 9000, 'istio-system']]);
    expect(findings).toMatchObject([{ code: 'service-needs-http2', field: ['spec', 'provider', 'name'] }]);
    expect(settings.provider).toMatchObject({ kind: 'grpc', statusOnError: 403 });
  });

  it('is fine for one over HTTP, and HTTP/2 for one over gRPC', () => {
    expect(compiled(http(), false).findings).toEqual([]);
    expect(compiled(grpc, true).findings).toEqual([]);
  });
});

describe('a port that the service does not have', () => {
  const compiled = (fields: object) => {
    const context = contextWith([custom()], http({ port: 9001, ...fields }));
    return { settings: compile(context), context };
  };
  const unknown: OwnAnswer = { kind: 'failed', reason: 'unknown cluster' };

  it('is reported, and counts as an authorizer that fails', async () => {
    const { settings, context } = compiled({ statusOnError: '503' });
    expect(context.findings).toMatchObject([{ code: 'unusable-provider', field: ['spec', 'provider', 'name'] }]);
    const { reply, asked } = await send(settings, {}, unknown);
    expect(reply).toMatchObject({ status: 503, cause: 'authorizer-failed' });
    expect(asked).toMatchObject([{ cluster: '' }]);
    expect((await send(settings, { route: null }, unknown)).reply).toBeUndefined();
  });

  it('lets requests pass with failOpen', async () => {
    expect((await send(compiled({ failOpen: true }).settings, {}, unknown)).reply).toBeUndefined();
  });
});

describe('policies', () => {
  it.each([
    ['a team’s', custom({ namespace: 'shop' })],
    ['another workload’s', custom({ spec: { selector: { matchLabels: { app: 'x' } } } })],
    ['one that allows', custom({ spec: { action: 'ALLOW' } })],
  ])('that do not act here ask nobody: %s', (_, policy) => {
    expect(externalAuthorizationSpec.compileWorkload?.(contextWith([policy], http()))).toBeUndefined();
  });

  it('of one provider add up', async () => {
    const rules = (path: string) => ({ spec: { rules: [{ to: [{ operation: { paths: [path] } }] }] } });
    const settings = settingsOf({}, custom(rules('/one')), custom({ name: 'two', ...rules('/two') }));
    for (const path of ['/one', '/two']) expect((await send(settings, { path })).asked).toHaveLength(1);
  });

  it('find a service that is named with its namespace', () => {
    expect(settingsOf({ service: 'security/checker.security.svc.cluster.local' }).provider).toMatchObject({
      kind: 'http',
      cluster: 'outbound|8000||checker.security.svc.cluster.local',
    });
  });
});

it('is a Fastify plugin that contributes one filter', async () => {
  const contributed: unknown[] = [];
  const banyan = { contribute: (filter: unknown) => contributed.push(filter), callCluster: () => undefined };
  await externalAuthorization.plugin({ banyan } as never, {});
  expect(contributed).toMatchObject([{ name: 'external-authorization' }]);
});
