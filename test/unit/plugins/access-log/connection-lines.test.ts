import { describe, expect, it } from 'vitest';
import { jsonConnectionLine, textConnectionLine } from '../../../../plugins/access-log/connection-lines.ts';
import { createAccessLogFilter } from '../../../../plugins/access-log/index.ts';
import { jsonLine, textLine } from '../../../../plugins/access-log/lines.ts';
import { fakeConnection, fakeRecord } from '../../../support/fake-record.ts';

const REFUSED = {
  cause: 'rbac-denied',
  terminationDetails: 'rbac_access_denied_matched_policy[ns[shop]-policy[no]-rule[0]]',
  cluster: undefined,
  clusterNamespace: undefined,
  upstreamAddress: undefined,
  upstreamLocalAddress: undefined,
  upstreamAttempts: 0,
  bytesReceived: 0,
  bytesSent: 0,
};
const UNREACHED = {
  cause: 'upstream-connect-failure',
  flags: ['UF', 'URX'],
  upstreamFailure: 'connect ECONNREFUSED 10.0.0.1:5432',
  upstreamLocalAddress: undefined,
  bytesReceived: 0,
  bytesSent: 0,
};

// istio-semantics §8: what only a request has is missing.
describe('a raw connection in JSON', () => {
  it('has the keys of a request’s line, and null where only a request has something', () => {
    const line: unknown = JSON.parse(jsonConnectionLine(fakeConnection({ serverName: 'db.example.com' })));
    expect(line).toEqual({
      start_time: '2026-01-02T03:04:05.678Z',
      method: null,
      path: null,
      protocol: null,
      response_code: 0,
      response_flags: '-',
      response_code_details: null,
      connection_termination_details: null,
      bytes_received: 3,
      bytes_sent: 17,
      duration: 12,
      upstream_service_time: null,
      x_forwarded_for: null,
      user_agent: null,
      request_id: null,
      authority: null,
      upstream_host: '10.0.0.1:5432',
      upstream_cluster: 'outbound|5432||db.shop.svc.cluster.local',
      upstream_local_address: '10.9.8.7:40001',
      upstream_transport_failure_reason: null,
      downstream_local_address: '10.9.8.7:5432',
      downstream_remote_address: '198.51.100.7:50123',
      requested_server_name: 'db.example.com',
      route_name: null,
      owner_namespace: 'shop',
      owner_object: 'VirtualService/db',
      route: 'shop/db/tcp/0',
      table_revision: 'r1',
      attempts: 1,
      cause: null,
      grpc_status: null,
      principal: null,
      listener_port: 5432,
      trace_id: null,
      connection_id: '7a1c7f4e-0000-4000-8000-000000000000',
    });
    expect(Object.keys(line as object)).toEqual(
      expect.arrayContaining(Object.keys(JSON.parse(jsonLine(fakeRecord())))),
    );
  });

  it('says who refused it, why it did not get through, and what policies marked', () => {
    expect(JSON.parse(jsonConnectionLine(fakeConnection(REFUSED)))).toMatchObject({
      response_flags: '-',
      connection_termination_details: REFUSED.terminationDetails,
      cause: 'rbac-denied',
      upstream_host: null,
      upstream_cluster: null,
      attempts: 0,
    });
    expect(JSON.parse(jsonConnectionLine(fakeConnection(UNREACHED)))).toMatchObject({
      response_flags: 'UF,URX',
      upstream_transport_failure_reason: UNREACHED.upstreamFailure,
    });
    const policyMarks = [{ kind: 'audited', rule: 'ns[shop]-policy[watch]-rule[0]' } as const];
    expect(JSON.parse(jsonConnectionLine(fakeConnection({ policyMarks }), 0.1))).toMatchObject({
      policy_marks: ['audited ns[shop]-policy[watch]-rule[0]'],
      log_share: 0.1,
    });
  });

  it('says null of what was never known', () => {
    const nothing = { owner: undefined, routeId: undefined, tableRevision: '', details: 'filter_chain_not_found' };
    expect(JSON.parse(jsonConnectionLine(fakeConnection(nothing)))).toMatchObject({
      owner_namespace: null,
      owner_object: null,
      route: null,
      table_revision: null,
      response_code_details: 'filter_chain_not_found',
    });
  });

  it('brackets addresses of IPv6', () => {
    const line = jsonConnectionLine(fakeConnection({ clientAddress: '2001:db8::1', localAddress: '::1' }));
    expect(JSON.parse(line)).toMatchObject({
      downstream_remote_address: '[2001:db8::1]:50123',
      downstream_local_address: '[::1]:5432',
    });
  });
});

describe('a raw connection in text', () => {
  it.each([
    [
      'served',
      {},
      '0 - - - "-" 3 17 12 - "-" "-" "-" "-" "10.0.0.1:5432" outbound|5432||db.shop.svc.cluster.local 10.9.8.7:40001 10.9.8.7:5432 198.51.100.7:50123 - -',
    ],
    [
      'refused',
      REFUSED,
      `0 - - ${REFUSED.terminationDetails} "-" 0 0 12 - "-" "-" "-" "-" "-" - - 10.9.8.7:5432 198.51.100.7:50123 - -`,
    ],
    [
      'that did not get through',
      { ...UNREACHED, serverName: 'db.example.com' },
      '0 UF,URX - - "connect ECONNREFUSED 10.0.0.1:5432" 0 0 12 - "-" "-" "-" "-" "10.0.0.1:5432" outbound|5432||db.shop.svc.cluster.local - 10.9.8.7:5432 198.51.100.7:50123 db.example.com -',
    ],
  ])('is Istio’s: %s', (_, changes, rest) => {
    expect(textConnectionLine(fakeConnection(changes))).toBe(`[2026-01-02T03:04:05.678Z] "- - -" ${rest}\n`);
  });

  it('has as many fields as a request’s', () => {
    const fields = (line: string): number => line.match(/"[^"]*"|\[[^\]]*\]|\S+/g)?.length ?? 0;
    const plain = textLine(fakeRecord());
    expect(fields(textConnectionLine(fakeConnection()))).toBe(fields(plain));
  });
});

// edge-security G-01: the name that a client asks for by TLS, and what a service's certificate says, are anybody's words.
it.each(['a\u009bb', 'a\n"b', 'a b', '\u001b[2J'])(
  '%j moves no cursor and makes no line or field of its own',
  (text) => {
    const record = fakeConnection({ serverName: text, upstreamFailure: text, terminationDetails: text });
    for (const line of [jsonConnectionLine(record), textConnectionLine(record)])
      expect(line).not.toMatch(/[\u0000-\u0009\u007f-\u009f]|\n./);
    const fields = (line: string): number => line.match(/"[^"]*"|\[[^\]]*\]|\S+/g)?.length ?? 0;
    expect(fields(textConnectionLine(record))).toBe(fields(textConnectionLine(fakeConnection())));
  },
);

it('JSON has no line separator that some readers take for the end of a line', () => {
  expect(jsonConnectionLine(fakeConnection({ upstreamFailure: 'a\u2028b' }))).toContain(String.raw`a\u2028b`);
});

it.each(['json', 'text'] as const)('a filter writes one line for each, as %s', (format) => {
  const lines: string[] = [];
  const writer = { write: (line: string) => void lines.push(line), dropped: 0, close: async () => {} };
  createAccessLogFilter(format, writer).logConnection?.(fakeConnection());
  expect(lines).toEqual([(format === 'json' ? jsonConnectionLine : textConnectionLine)(fakeConnection())]);
});
