import { describe, expect, it } from 'vitest';
import { redirectLocation, tlsRedirectLocation } from '../../../src/dataplane/redirect.ts';
import type { RedirectAction } from '../../../src/table/model.ts';

const action: RedirectAction = {
  kind: 'redirect',
  status: 301,
  path: undefined,
  authority: undefined,
  scheme: undefined,
  port: undefined,
};
const facts = {
  scheme: 'http' as 'http' | 'https',
  secure: false,
  forwardedProto: 'http',
  authority: 'b.example.com',
  path: '/foo',
  query: '?key=value',
};

describe('the location of a redirect', () => {
  it.each<[string, Partial<RedirectAction>, Partial<typeof facts>, string]>([
    ['keeps the query with a new path', { path: '/new/path' }, {}, 'http://b.example.com/new/path?key=value'],
    ['drops the query where the new path has one', { path: '/x?' }, {}, 'http://b.example.com/x?'],
    ['roots a path', { path: 'x' }, { query: '' }, 'http://b.example.com/x'],
    ['appends the query behind a fragment', { path: '/x#f' }, {}, 'http://b.example.com/x#f?key=value'],
    ['is UTF-8', { path: '/é' }, { query: '' }, 'http://b.example.com/\xc3\xa9'],
    ['keeps the port of the Host', { path: '/x' }, { authority: 'b:81', query: '' }, 'http://b:81/x'],
    ['puts a new port in its place', { port: 85 }, { authority: 'b:80', query: '' }, 'http://b:85/foo'],
    ['takes a default port for none at all', { port: 80 }, { authority: 'h:8080', query: '' }, 'http://h:8080/foo'],
    ['keeps port 80 under https', { scheme: 'https', port: 80 }, { query: '' }, 'https://b.example.com:80/foo'],
    [
      'drops the old default port when the scheme changes',
      { scheme: 'https' },
      { authority: 'b:80', query: '' },
      'https://b/foo',
    ],
    [
      'keeps another port when the scheme changes',
      { scheme: 'https' },
      { authority: 'b:443', query: '' },
      'https://b:443/foo',
    ],
    [
      'drops the default port of how it came, where the client says another scheme',
      { path: '/x' },
      { scheme: 'https', authority: 'b:80', query: '' },
      'https://b/x',
    ],
    [
      'keeps the port where it is another’s',
      { path: '/x' },
      { scheme: 'https', authority: 'b:443', query: '' },
      'https://b:443/x',
    ],
    ['adds a port to an authority that has one', { authority: 'h:1', port: 2 }, { query: '' }, 'http://h:1:2/foo'],
  ])('%s', (_title, part, request, location) => {
    expect(redirectLocation({ ...action, ...part }, { ...facts, ...request })).toBe(location);
  });

  it('of httpsRedirect has the Host as it was sent', () => {
    expect(tlsRedirectLocation({ ...facts, authority: 'H:8080' })).toBe('https://H:8080/foo?key=value');
  });
});
