import { describe, expect, it } from 'vitest';
import { translateDirectResponse, translateRedirect } from '../../../src/compiler/from-redirect.ts';
import type { HTTPRedirect } from '../../../src/resources/index.ts';

const redirect = (written: HTTPRedirect, port = 80, secure = false) => {
  const result = translateRedirect(written, port, secure);
  return result.ok ? result.value : result.error;
};

describe('redirects', () => {
  it('say nothing of what is not given', () => {
    expect(redirect({ uri: '/x' })).toEqual({
      kind: 'redirect',
      status: 301,
      path: '/x',
      authority: undefined,
      scheme: undefined,
      port: undefined,
    });
  });

  it.each([
    { uri: 'x', path: '/x' },
    { uri: '/x?', path: '/x?' },
    { uri: '%PREFIX()%', path: '/%PREFIX()%' },
    { uri: '', path: undefined },
  ])('to "$uri" have the path $path', ({ uri, path }) => {
    expect(redirect({ uri, authority: 'h' })).toMatchObject({ path });
  });

  it.each([
    { written: { port: 80 }, port: undefined },
    { written: { port: 443 }, port: 443 },
    { written: { port: 443, scheme: 'https' }, port: undefined },
    { written: { port: 80, scheme: 'https' }, port: 80 },
    { written: { derivePort: 'FROM_REQUEST_PORT' }, at: 80, port: undefined },
    { written: { derivePort: 'FROM_REQUEST_PORT' }, at: 85, port: 85 },
    { written: { derivePort: 'FROM_REQUEST_PORT', scheme: 'https' }, at: 80, port: 80 },
    { written: { derivePort: 'FROM_REQUEST_PORT' }, at: 443, secure: true, port: undefined },
    { written: { derivePort: 'FROM_PROTOCOL_DEFAULT', scheme: 'https' }, at: 85, port: undefined },
    { written: { port: 443 }, secure: true, port: undefined },
  ] as const)('$written at port $at have the port $port', (row) => {
    const { at = 80, secure = false } = row as { at?: number; secure?: boolean };
    expect(redirect(row.written, at, secure)).toMatchObject({ port: row.port });
  });

  it.each([302, 303, 307, 308] as const)('answer %d when asked to', (redirectCode) => {
    expect(redirect({ uri: '/', redirectCode })).toMatchObject({ status: redirectCode });
  });

  it.each([300, 304, 399])('cannot answer %d, which admission lets pass', (redirectCode) => {
    expect(redirect({ uri: '/', redirectCode })).toBe(
      `redirectCode ${redirectCode} is none of 301, 302, 303, 307 and 308`,
    );
  });
});

describe('direct responses', () => {
  it.each([
    { body: undefined, base64: undefined },
    { body: {}, base64: undefined },
    { body: { string: '' }, base64: undefined },
    { body: { string: 'ok 注' }, base64: Buffer.from('ok 注').toString('base64') },
    { body: { bytes: '/wA=' }, base64: '/wA=' },
  ])('with body $body', ({ body, base64 }) => {
    const response = translateDirectResponse({ status: 418, ...(body !== undefined && { body }) });
    expect(response).toEqual({ kind: 'direct-response', status: 418, bodyBase64: base64 });
  });
});
