import { describe, expect, it } from 'vitest';
import { createRequestIdFilter } from '../../../../plugins/request-id/index.ts';
import { HeaderList, type ResponseHead } from '../../../../src/contract/index.ts';
import { fakeExchange } from '../../../support/fake-exchange.ts';

const head = (headers: [string, string][] = []): ResponseHead => ({
  status: 200,
  headers: HeaderList.from(headers),
  origin: 'upstream',
});

describe('request-id', () => {
  it('replaces whatever the client sent, of any size, by one of ours (edge-security G-04)', () => {
    const exchange = fakeExchange({
      headers: [
        ['x-request-id', 'x'.repeat(10_000)],
        ['x-request-id', 'second'],
      ],
    });
    createRequestIdFilter().prepare?.(exchange, undefined);
    expect(exchange.headers.getAll('x-request-id')).toEqual([exchange.record.requestId]);
  });

  it('gives the answer the same one, instead of a service’s', () => {
    const filter = createRequestIdFilter();
    const exchange = fakeExchange();
    filter.prepare?.(exchange, undefined);
    const answer = head([['x-request-id', 'from-the-service']]);
    filter.response?.(exchange, answer, undefined);
    expect(answer.headers.getAll('x-request-id')).toEqual([exchange.record.requestId]);
  });

  it('acts where nobody configured it, and never answers by itself', () => {
    const filter = createRequestIdFilter();
    expect(filter.always).toBe(true);
    expect(filter).not.toHaveProperty('request');
  });
});
