import { describe, expect, it } from 'vitest';
import { HeaderList } from '../../../src/contract/index.ts';
import {
  backoffMs,
  isKeepAliveRace,
  retriesAnswer,
  retriesFailure,
  retriesPerTryTimeout,
  statusForOutliers,
  takeRetryHeaders,
} from '../../../src/dataplane/retry.ts';
import type { ResetReason, UpstreamFailure } from '../../../src/dataplane/stream.ts';
import type { RetryPolicy } from '../../../src/table/model.ts';

const policy = (retryOn: string[], codes: number[] = []): RetryPolicy => ({
  attempts: 2,
  retryOn,
  retriableStatusCodes: codes,
  perTryTimeoutMs: undefined,
  backoffMs: 25,
  avoidPreviousHosts: true,
  avoidPreviousPriorities: false,
});
const failure = (reason: ResetReason, more: Partial<UpstreamFailure> = {}): UpstreamFailure => ({
  reason,
  detail: undefined,
  nothingSent: false,
  reusedConnection: false,
  idleMs: 0,
  ...more,
});
const DEFAULT = ['connect-failure', 'refused-stream', 'unavailable', 'cancelled', 'retriable-status-codes'];

describe('what is tried again', () => {
  it.each<[string[], number, [string, string][], boolean]>([
    [DEFAULT, 503, [], false],
    [['5xx'], 503, [], true],
    [['5xx'], 499, [], false],
    [['gateway-error'], 500, [], false],
    [['gateway-error'], 504, [], true],
    [['retriable-4xx'], 409, [], true],
    [['retriable-4xx'], 400, [], false],
    [DEFAULT, 200, [['grpc-status', '14']], true],
    [DEFAULT, 200, [['grpc-status', '4']], false],
    [['5xx'], 503, [['x-envoy-ratelimited', 'true']], false],
    [['gateway-error', 'retriable-status-codes'], 503, [['x-envoy-ratelimited', 'true']], false],
    [['envoy-ratelimited'], 200, [['x-envoy-ratelimited', 'true']], true],
    [['envoy-ratelimited'], 503, [], false],
  ])('%j after an answer %i %j: %s', (retryOn, status, headers, expected) => {
    expect(retriesAnswer(policy(retryOn), status, HeaderList.from(headers), HeaderList.empty())).toBe(expected);
  });

  it('takes any code that is listed, and no other', () => {
    const listed = policy(['retriable-status-codes'], [200]);
    expect(retriesAnswer(listed, 200, HeaderList.empty(), HeaderList.empty())).toBe(true);
    expect(retriesAnswer(listed, 503, HeaderList.empty(), HeaderList.empty())).toBe(false);
  });

  it.each<[string[], number, [string, string][], [string, string][], boolean]>([
    [['retriable-status-codes'], 425, [], [], true],
    [['retriable-status-codes'], 425, [], [['early-data', '1']], false],
    [['retriable-status-codes'], 425, [], [['early-data', '']], true],
    [['retriable-status-codes'], 503, [], [['early-data', '1']], true],
    [['retriable-status-codes', 'unavailable'], 425, [['grpc-status', '14']], [['early-data', '1']], true],
  ])('%j after %i %j to a request with %j: %s', (retryOn, status, answer, request, expected) => {
    const headers = [HeaderList.from(answer), HeaderList.from(request)] as const;
    expect(retriesAnswer(policy(retryOn, [425, 503]), status, ...headers)).toBe(expected);
  });

  it.each<[string[], UpstreamFailure, boolean]>([
    [DEFAULT, failure('connect-failure'), true],
    [DEFAULT, failure('connect-timeout'), true],
    [DEFAULT, failure('connection-termination'), false],
    [DEFAULT, failure('remote-refused-stream'), true],
    [['reset'], failure('connection-termination'), true],
    [['reset'], failure('protocol-error'), true],
    [['5xx'], failure('overflow'), false],
    [['reset-before-request'], failure('connection-termination', { nothingSent: true }), true],
    [['reset-before-request'], failure('connection-termination'), false],
  ])('%j after %j: %s', (retryOn, reset, expected) => {
    expect(retriesFailure(policy(retryOn), reset)).toBe(expected);
  });

  it('is not a try that ran out of time, unless any reset is', () => {
    expect(retriesPerTryTimeout(policy(['504', 'deadline-exceeded']))).toBe(false);
    expect(retriesPerTryTimeout(policy(['reset']))).toBe(true);
  });

  it('is a request that met a connection closing for its age, but never one that may have been acted on', () => {
    const race = failure('connection-termination', { reusedConnection: true, idleMs: 4000 });
    expect(isKeepAliveRace('GET', race)).toBe(true);
    expect(isKeepAliveRace('POST', race)).toBe(false);
    expect(isKeepAliveRace('POST', { ...race, nothingSent: true })).toBe(true);
    expect(isKeepAliveRace('GET', { ...race, idleMs: 600 })).toBe(true);
    expect(isKeepAliveRace('GET', { ...race, idleMs: 400 })).toBe(false);
    expect(isKeepAliveRace('GET', { ...race, reusedConnection: false })).toBe(false);
  });

  it('waits longer each time, up to ten times the base', () => {
    expect([1, 2, 3, 4, 5, 9].map((n) => backoffMs(policy([]), n, 0.9999))).toEqual([24, 49, 99, 199, 249, 249]);
    expect(backoffMs(policy([]), 3, 0)).toBe(0);
  });
});

describe('what a route says about retries in its header operations', () => {
  const taken = (own: RetryPolicy | undefined, ...pairs: [string, string][]) => {
    const headers = HeaderList.from([...pairs, ['x-other', '1']]);
    const result = takeRetryHeaders(headers, own);
    return { result, left: headers.raw() };
  };

  it('comes on top of its policy', () => {
    const { result, left } = taken(
      policy(['reset'], [409]),
      ['x-envoy-retry-on', '5xx,gateway-error'],
      ['x-envoy-retry-grpc-on', 'internal'],
      ['x-envoy-max-retries', '4'],
      ['x-envoy-retriable-status-codes', '418,404'],
    );
    expect(result).toMatchObject({
      attempts: 4,
      retryOn: ['reset', '5xx', 'gateway-error', 'internal'],
      retriableStatusCodes: [409, 418, 404],
    });
    expect(left).toEqual(['x-other', '1']);
  });

  it('makes a policy of one retry where there is none', () => {
    expect(taken(undefined, ['x-envoy-retry-on', '5xx']).result).toMatchObject({ attempts: 1, retryOn: ['5xx'] });
  });

  it('makes none out of a number alone', () => {
    expect(taken(undefined, ['x-envoy-max-retries', '3'])).toEqual({ result: undefined, left: ['x-other', '1'] });
  });

  it('changes nothing without such headers', () => {
    const own = policy(['5xx']);
    expect(taken(own).result).toBe(own);
  });
});

describe('what an answer is to outlier detection', () => {
  const GRPC = 'application/grpc';
  it.each([
    ['a plain one', 503, undefined, undefined, 503],
    ['unavailable', 200, '14', GRPC, 503],
    ['a deadline', 200, '4', 'application/grpc+proto', 504],
    ['not found', 200, '5', GRPC, 404],
    ['done', 503, '0', GRPC, 200],
    ['a status that nobody knows', 200, '99', GRPC, 500],
    ['no number', 200, 'broken', GRPC, 500],
    ['a word that objects know', 200, 'constructor', GRPC, 500],
    ['of gRPC that nobody asked for', 200, '14', 'application/json', 200],
    ['of gRPC to a request without a body', 200, '14', undefined, 200],
    ['to gRPC-Web that is passed on as it is', 200, '14', 'application/grpc-web', 200],
  ] as const)('%s', (_what, status, grpcStatus, asked, expected) => {
    const answer = HeaderList.from(grpcStatus === undefined ? [] : [['grpc-status', grpcStatus]]);
    const request = HeaderList.from(asked === undefined ? [] : [['content-type', asked]]);
    expect(statusForOutliers(status, answer, request)).toBe(expected);
  });
});
