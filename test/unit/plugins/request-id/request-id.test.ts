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
    expect(exchange.record.requestId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  it('gives each request its own, and its answer the same one, instead of a service’s', () => {
    let count = 0;
    const filter = createRequestIdFilter(() => `id-${++count}`);
    const [one, two] = [fakeExchange(), fakeExchange()];
    filter.prepare?.(one, undefined);
    filter.prepare?.(two, undefined);
    const answer = head([['x-request-id', 'from-the-service']]);
    filter.response?.(one, answer, undefined);
    expect(answer.headers.getAll('x-request-id')).toEqual(['id-1']);
    expect(two.record.requestId).toBe('id-2');
  });

  it('acts where nobody configured it, and never answers by itself', () => {
    const filter = createRequestIdFilter();
    expect(filter.always).toBe(true);
    expect(filter).not.toHaveProperty('request');
  });
});
