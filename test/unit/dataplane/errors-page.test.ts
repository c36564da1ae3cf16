import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import * as problems from '../../../src/dataplane/downstream/problem.ts';
import { faultReply, type GatewayFault } from '../../../src/dataplane/fault.ts';

const PAGE = readFileSync(path.join(import.meta.dirname, '../../../docs/errors.md'), 'utf8');
const HTTP = PAGE.slice(0, PAGE.indexOf('## Raw connections'));

const reset = (reason: Extract<GatewayFault, { kind: 'upstream-reset' }>['reason']): GatewayFault => ({
  kind: 'upstream-reset',
  reason,
  retried: false,
});
/** Each kind but those that nobody sees by that name: a rule's own cause, and what the gateway never says. */
const FAULTS: readonly GatewayFault[] = [
  { kind: 'bad-request', details: '', message: '' },
  { kind: 'invalid-path', details: '' },
  { kind: 'method-not-allowed', method: 'TRACE' },
  { kind: 'underscore-in-header', name: 'a_b' },
  { kind: 'upstream-timeout', perTry: false },
  ...(['misdirected-scheme', 'not-ready', 'no-route', 'upgrade-refused', 'unknown-destination'] as const).map(
    (kind) => ({
      kind,
    }),
  ),
  ...(['no-healthy-upstream', 'overloaded', 'gateway-overloaded', 'namespace-overloaded'] as const).map((kind) => ({
    kind,
  })),
  ...(['rewritten-path-invalid', 'payload-too-large', 'request-timeout', 'request-malformed'] as const).map((kind) => ({
    kind,
  })),
  { kind: 'internal-error' },
  ...(['connect-failure', 'connect-timeout', 'tls-failure', 'connection-termination'] as const).map(reset),
  ...(['remote-reset', 'remote-refused-stream', 'protocol-error', 'overflow'] as const).map(reset),
];

const rejections = Object.values(problems).filter((value) => typeof value === 'object' && 'cause' in value);

describe('the page of error answers', () => {
  it.each(FAULTS.map((fault) => faultReply(fault)))('has $cause with status $status, side $side', (reply) => {
    expect(rowsOf(reply.cause)).toContainEqual(expect.stringMatching(`\\| ${reply.status} \\| ${reply.side} \\|`));
  });

  it.each(rejections.filter(({ status }) => status !== 0))(
    'has $cause with status $status, told by a lane',
    (reason) => {
      expect(rowsOf(reason.cause)).toContainEqual(expect.stringMatching(`\\| ${reason.status} \\| client \\|`));
    },
  );
});

const rowsOf = (cause: string): string[] =>
  HTTP.split('\n').filter((line) => line.startsWith('|') && line.split('|')[1]?.includes(`\`${cause}\``));
