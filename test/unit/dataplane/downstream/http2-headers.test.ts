import { describe, expect, it } from 'vitest';
import { readTrailers } from '../../../../src/dataplane/downstream/http2-headers.ts';

const read = (...names: readonly string[]): readonly string[] | undefined =>
  readTrailers(names.flatMap((name) => [name, '1']))?.raw();

describe('trailers of a request (edge-security F-21)', () => {
  it.each(['x-sum', 'grpc-status', 'x-checksum-sha256', 'x-usage', 'server-timing', 'x-authored-by'])(
    '%s goes on',
    (name) => {
      expect(read(name)).toEqual([name, '1']);
    },
  );

  it('none with a blank at an end of its value', () => {
    expect(readTrailers(['x-a', ' 1', 'x-b', '1\t', 'x-c', '', 'x-d', 'a b'])?.raw()).toEqual([
      'x-c',
      '',
      'x-d',
      'a b',
    ]);
  });

  it.each([
    ':path',
    'authorization',
    'content-length',
    'cookie',
    'host',
    'origin',
    'proxy-authorization',
    'transfer-encoding',
    'x_sum',
    'x-auth-request-user',
    'x-envoy-original-path',
    'x-forwarded-client-cert',
    'x-forwarded-for',
    'x-http-method-override',
    'x-jwt-sub',
    'x-original-url',
    'x-request-id',
    'x-user',
    'x-user-id',
  ])('%s, which a service could take for a header, does not', (name) => {
    expect(read(name)).toBeUndefined();
    expect(read('x-sum', name)).toEqual(['x-sum', '1']);
  });
});
