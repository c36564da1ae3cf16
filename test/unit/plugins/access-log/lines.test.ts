import { describe, expect, it } from 'vitest';
import { jsonLine, textLine } from '../../../../plugins/access-log/lines.ts';
import { redactAuthority, redactTarget } from '../../../../src/contract/index.ts';
import { fakeRecord } from '../../../support/fake-record.ts';

describe('a line of JSON', () => {
  it.each([
    ['the path of a socket', { upstreamAddress: 'unix:///run/a\u009b.sock' }],
    ['a cause of a plugin of one’s own', { cause: 'a\u2028b' }],
    ['a flag of a plugin of one’s own', { flags: ['a"\nb'] }],
  ])('keeps %s on its line, with nothing that a terminal or a reader acts on', (_what, fields) => {
    const line = jsonLine(fakeRecord(fields));
    expect(line).not.toMatch(/[\u007f-\u009f\u2028\u2029]|\n./);
    expect(() => JSON.parse(line) as unknown).not.toThrow();
  });

  it.each([
    0, 1, 10, 99, 100, 999, 1_000, 1_767_323_045_678, 1_767_323_045_007.9, 1_767_323_044_000, 1_767_323_045_007,
  ])('tells the time of %d ms as ISO 8601 does, whichever came before', (startedAtMs) => {
    const time = new Date(startedAtMs).toISOString();
    expect(JSON.parse(jsonLine(fakeRecord({ startedAtMs })))).toMatchObject({ start_time: time });
    expect(textLine(fakeRecord({ startedAtMs }))).toContain(`[${time}]`);
  });

  it('has Istio’s keys and ours', () => {
    expect(
      JSON.parse(jsonLine(fakeRecord({ flags: ['URX', 'UF'], grpcStatus: 14, principal: 'https://idp/alice' }))),
    ).toEqual({
      start_time: '2026-01-02T03:04:05.678Z',
      method: 'GET',
      path: '/cart?page=2',
      protocol: 'HTTP/1.1',
      response_code: 200,
      response_flags: 'URX,UF',
      response_code_details: 'via_upstream',
      connection_termination_details: null,
      bytes_received: 3,
      bytes_sent: 17,
      duration: 12,
      upstream_service_time: 11,
      x_forwarded_for: '198.51.100.7',
      user_agent: 'curl/8',
      request_id: '2f1c7f4e-0000-4000-8000-000000000000',
      authority: 'shop.example.com',
      upstream_host: '10.0.0.1:8080',
      upstream_cluster: 'outbound|80||cart.shop.svc.cluster.local',
      upstream_local_address: '10.9.8.7:40001',
      upstream_transport_failure_reason: null,
      downstream_local_address: '10.9.8.7:8080',
      downstream_remote_address: '198.51.100.7',
      requested_server_name: null,
      route_name: 'cart',
      owner_namespace: 'shop',
      owner_object: 'VirtualService/web',
      route: 'shop/web/0',
      table_revision: 'r1',
      attempts: 1,
      cause: null,
      grpc_status: 14,
      principal: 'https://idp/alice',
      listener_port: 80,
      trace_id: null,
    });
  });

  it('brackets an address of IPv6', () => {
    expect(JSON.parse(jsonLine(fakeRecord({ localAddress: '::1' })))).toMatchObject({
      downstream_local_address: '[::1]:8080',
    });
  });

  it('tells what policies marked, and the share it stands for, where there is either', () => {
    const policyMarks = [{ kind: 'audited', rule: 'ns[shop]-policy[watch]-rule[0]' } as const];
    expect(JSON.parse(jsonLine(fakeRecord({ policyMarks }), 0.1))).toMatchObject({
      policy_marks: ['audited ns[shop]-policy[watch]-rule[0]'],
      log_share: 0.1,
    });
  });

  it('says null of what there was not', () => {
    const line = jsonLine(
      fakeRecord({
        owner: undefined,
        routeId: undefined,
        routeName: '',
        cluster: undefined,
        upstreamMs: undefined,
        userAgent: undefined,
        details: '',
        localAddress: undefined,
        upstreamLocalAddress: undefined,
      }),
    );
    expect(JSON.parse(line)).toMatchObject({
      owner_namespace: null,
      owner_object: null,
      route: null,
      route_name: null,
      upstream_cluster: null,
      upstream_service_time: null,
      user_agent: null,
      response_code_details: null,
      downstream_local_address: null,
      upstream_local_address: null,
      response_flags: '-',
    });
  });
});

describe('a line of text', () => {
  it('is Istio’s', () => {
    expect(textLine(fakeRecord())).toBe(
      '[2026-01-02T03:04:05.678Z] "GET /cart?page=2 HTTP/1.1" 200 - via_upstream - "-" 3 17 12 11 "198.51.100.7" "curl/8" "2f1c7f4e-0000-4000-8000-000000000000" "shop.example.com" "10.0.0.1:8080" outbound|80||cart.shop.svc.cluster.local 10.9.8.7:40001 10.9.8.7:8080 198.51.100.7 - cart\n',
    );
  });
});

// edge-security G-01
describe('what clients, teams and services write', () => {
  const naughty = [
    'a\r\nb',
    'a\u001b[31mb',
    'a\u0000b',
    'a"}b',
    'a\\b',
    'a\u0085b',
    'a b',
    '\u2028',
    ['$', '{jndi:x}'].join(''),
    '__proto__',
    '%00',
    'a\u009b31mb',
    'a\u009d0;title\u0007b',
    'a\u007fb',
    '\u2029',
    '\ufeff',
    '\ud800',
    '"]\n[2026-01-02T03:04:05.678Z] "GET /forged HTTP/1.1" 200',
    '{"request_id":"forged"}',
    "'; DROP TABLE requests; --",
    '<script>alert(1)</script>',
    '=cmd|x!A1',
    '\\x0a',
    '\\u000a',
    'é'.repeat(10),
  ];
  const fields = [
    'originalTarget',
    'method',
    'userAgent',
    'forwardedFor',
    'authority',
    'serverName',
    'upstreamFailure',
    'routeName',
    'principal',
    'details',
    'clientAddress',
    'routeId',
    'cluster',
  ] as const;

  it.each(fields)('makes one line of JSON, and comes back whole: %s', (field) => {
    for (const text of naughty) {
      const line = jsonLine(fakeRecord({ [field]: text }));
      expect(line.indexOf('\n')).toBe(line.length - 1);
      expect(line.slice(0, -1)).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
      expect(Object.values(JSON.parse(line) as object)).toContain(text);
    }
  });

  it.each(fields)('makes one line of text with as many fields as ever: %s', (field) => {
    const count = (line: string): number => line.match(/"(?:[^"\\]|\\.)*"|\[[^\]]*\]|[^ \n"]+/g)?.length ?? 0;
    for (const text of naughty) {
      const line = textLine(fakeRecord({ [field]: text }));
      expect(line.indexOf('\n')).toBe(line.length - 1);
      expect(line.slice(0, -1)).not.toMatch(/\p{Cc}/u);
      expect(count(line), line).toBe(count(textLine(fakeRecord())));
    }
  });
});

// edge-security G-02
describe('credentials in a target', () => {
  it.each([
    ['/a?access_token=s3cret&b=1', '/a?access_token=[redacted]&b=1'],
    ['/a?b=1&Api_Key=s3cret', '/a?b=1&Api_Key=[redacted]'],
    ['/a?access%5Ftoken=s3cret', '/a?access%5Ftoken=[redacted]'],
    ['/a?token=a=b=c', '/a?token=[redacted]'],
    ['/a?token=', '/a?token=[redacted]'],
    ['/a?x=1?token=s3cret&code=s3cret', '/a?x=1?token=s3cret&code=[redacted]'],
    ['/a?j=eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.c2ln', '/a?j=[redacted]'],
    ['/t/eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.c2ln/x', '/t/[redacted]/x'],
    ['/a?%zz=1&password=s3cret', '/a?%zz=1&password=[redacted]'],
    ['/a?a=1;token=s3cret;b=2', '/a?a=1;token=[redacted];b=2'],
    ['/a?a=1#access_token=s3cret', '/a?a=1#access_token=[redacted]'],
    ['/a#access_token=s3cret', '/a#access_token=[redacted]'],
    ['/cart;jsessionid=s3cret/x?a=1', '/cart;jsessionid=[redacted]/x?a=1'],
    ['/cart;JSESSIONID=s3cret;v=2', '/cart;JSESSIONID=[redacted];v=2'],
    ['http://me:s3cret@shop.test/a?b=1', 'http://[redacted]@shop.test/a?b=1'],
    ['http://me:s3cret@b@shop.test/', 'http://[redacted]@shop.test/'],
    ['/a?j=%65yJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.c2ln', '/a?j=[redacted]'],
    ['/a?j=eyJhbGciOiJkaXIifQ..aXY.Y2lwaGVy.dGFn', '/a?j=[redacted]'],
    ['/a?j=eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.', '/a?j=[redacted]'],
  ])('%s', (target, shown) => {
    expect(redactTarget(target)).toBe(shown);
  });

  it.each([
    '/a',
    '/a?',
    '/a?page=2',
    '/token=abc',
    '/a?tokens=3',
    '/a?token',
    '/a?keyword=shoes',
    '/a?x=eyJ',
    '/a;v=1',
    '/a@b',
    '/a?mail=me@shop.test',
    '/a?u=http://x@y/',
    '/a?q=100%25',
  ])('none in %s', (target) => {
    expect(redactTarget(target)).toBe(target);
  });

  it.each([
    ['me:s3cret@shop.test', '[redacted]@shop.test'],
    ['me@s3cret@shop.test:80', '[redacted]@shop.test:80'],
    ['shop.test:80', 'shop.test:80'],
    ['', ''],
  ])('of an authority: %s', (authority, shown) => {
    expect(redactAuthority(authority)).toBe(shown);
  });

  const token = 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJzM2NyZXQifQ.czNjcmV0';
  it.each<[string, Parameters<typeof fakeRecord>[0]]>([
    ['an authority', { authority: 'me:s3cret@shop.test' }],
    ['an absolute target', { originalTarget: 'http://me:s3cret@shop.test/' }],
    ['a user agent', { userAgent: `curl (${token})` }],
    ['forwarded addresses', { forwardedFor: `198.51.100.7, ${token}` }],
  ])('show in no line, wherever a client puts them: %s', (_, changes) => {
    for (const line of [jsonLine(fakeRecord(changes)), textLine(fakeRecord(changes))]) {
      expect(line).toContain('[redacted]');
      expect(line).not.toMatch(/s3cret|czNjcmV0|eyJ/);
    }
  });

  it('show in no format', () => {
    const record = fakeRecord({ originalTarget: '/cb?code=s3cret' });
    expect(jsonLine(record)).not.toContain('s3cret');
    expect(textLine(record)).not.toContain('s3cret');
  });
});
