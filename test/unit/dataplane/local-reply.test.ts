import { describe, expect, it } from 'vitest';
import type { HeaderList } from '../../../src/contract/headers.ts';
import { faultReply } from '../../../src/dataplane/fault.ts';
import { grpcMessage, renderReply } from '../../../src/dataplane/local-reply.ts';

describe('our own answers', () => {
  it('are problem details with cause, side and request id', () => {
    const { status, headers, body } = renderReply(faultReply({ kind: 'no-route' }), 'id-1', false);
    expect(status).toBe(404);
    expect(headers.get('content-type')).toBe('application/problem+json');
    expect(JSON.parse(Buffer.from(body).toString())).toMatchObject({
      status: 404,
      cause: 'no-route',
      side: 'client',
      requestId: 'id-1',
      title: 'Not Found',
    });
  });

  it.each<[Parameters<typeof faultReply>[0], string]>([
    [{ kind: 'no-route' }, '12'],
    [{ kind: 'no-healthy-upstream' }, '14'],
    [{ kind: 'upstream-timeout', perTry: false }, '14'],
    [{ kind: 'invalid-path', details: 'x' }, '13'],
    [{ kind: 'internal-error' }, '2'],
  ])('to gRPC callers, %j is grpc-status %s', (fault, grpcStatus) => {
    const { status, headers, body } = renderReply(faultReply(fault), 'id', true);
    expect([status, headers.get('grpc-status'), body.length]).toEqual([200, grpcStatus, 0]);
  });

  it("are made gRPC's after the route's operations, which may say the status", () => {
    const operate = (headers: HeaderList): void => {
      expect([...headers]).toEqual([]);
      for (const name of ['content-type', 'grpc-status', 'grpc-message']) headers.set(name, '7');
    };
    const { headers } = renderReply(faultReply({ kind: 'no-healthy-upstream' }), 'id', true, operate);
    expect(headers.get('content-type')).toBe('application/grpc');
    expect(headers.get('grpc-status')).toBe('7');
    expect(headers.get('grpc-message')).not.toBe('7');
  });

  it('encode the message of a gRPC answer', () => {
    expect(grpcMessage('50% off: é\n')).toBe('50%25 off: %C3%A9%0A');
  });

  it('name no internals when the gateway failed', () => {
    const { body } = renderReply(faultReply({ kind: 'internal-error' }), 'id', false);
    expect(Buffer.from(body).toString()).not.toMatch(/Error:|at /);
  });

  it('tell an answer that broke HTTP from one that never came', () => {
    expect(faultReply({ kind: 'upstream-reset', reason: 'protocol-error', retried: false }).status).toBe(502);
    expect(faultReply({ kind: 'upstream-reset', reason: 'connection-termination', retried: false }).status).toBe(503);
  });
});
