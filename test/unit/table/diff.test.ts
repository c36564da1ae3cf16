import { describe, expect, it } from 'vitest';
import { diffTables, isEmptyDiff } from '../../../src/table/diff.ts';
import type { Listener } from '../../../src/table/model.ts';
import { config, host, prefix, route, table } from './builders.ts';

const ids = (parts: readonly { readonly id: string }[]) => parts.map(({ id }) => id);

describe('the difference of two tables', () => {
  it('is empty between equal ones, the same object or not', () => {
    const make = () => table([config([host('a.com', [route('a')])])]);
    const one = make();
    expect(isEmptyDiff(diffTables(one, one))).toBe(true);
    expect(isEmptyDiff(diffTables(one, make()))).toBe(true);
  });

  it('names routes that came, went and changed, by host', () => {
    const kept = route('kept');
    const before = table([
      config([host('a.com', [kept, route('gone'), route('edited')]), host('b.com', [kept]), host('c.com', [kept])]),
    ]);
    const after = table([
      config([
        host('a.com', [kept, route('edited', { path: prefix('/x') }), route('new')]),
        host('b.com', [kept]),
        host('d.com', [kept]),
      ]),
    ]);
    const { virtualHosts } = diffTables(before, after);
    expect(virtualHosts.map(({ domain, kind }) => [domain, kind])).toEqual([
      ['a.com', 'changed'],
      ['c.com', 'removed'],
      ['d.com', 'added'],
    ]);
    const [changed, removed, added] = virtualHosts;
    expect(ids(changed?.routes.added ?? [])).toEqual(['new']);
    expect(ids(changed?.routes.removed ?? [])).toEqual(['gone']);
    expect(changed?.routes.changed.map(({ after: { id } }) => id)).toEqual(['edited']);
    expect(changed?.reordered).toBe(false);
    expect(ids(removed?.routes.removed ?? [])).toEqual(['kept']);
    expect(ids(added?.routes.added ?? [])).toEqual(['kept']);
  });

  it('tells when only the order of routes changed, or only their protection', () => {
    const [a, b] = [route('a'), route('b')];
    const hostDiff = (before: ReturnType<typeof host>, after: ReturnType<typeof host>) =>
      diffTables(table([config([before])]), table([config([after])])).virtualHosts[0];
    expect(hostDiff(host('a.com', [a, b]), host('a.com', [b, a]))).toMatchObject({
      reordered: true,
      requireTlsChanged: false,
    });
    expect(hostDiff(host('a.com', [a]), host('a.com', [a], true))).toMatchObject({
      reordered: false,
      requireTlsChanged: true,
    });
  });

  it('names route configs, listeners and settings', () => {
    const listener: Listener = {
      port: 80,
      bind: undefined,
      plaintext: { kind: 'http', routeConfig: 'http.80' },
      tls: [],
    };
    const before = { ...table([config([host('a.com', [])])]), listeners: [listener, { ...listener, port: 81 }] };
    const after = {
      ...table([config([host('a.com', [])], 'http.82')]),
      listeners: [
        { ...listener, plaintext: undefined },
        { ...listener, port: 82 },
      ],
      settings: { ...before.settings, numTrustedProxies: 1 },
    };
    const diff = diffTables(before, after);
    expect(diff.listeners.added.map(({ port }) => port)).toEqual([82]);
    expect(diff.listeners.removed.map(({ port }) => port)).toEqual([81]);
    expect(diff.listeners.changed.map((pair) => pair.after.port)).toEqual([80]);
    expect([diff.settingsChanged, diff.filtersChanged]).toEqual([true, false]);
    expect(diff.virtualHosts.map(({ routeConfig, kind }) => [routeConfig, kind])).toEqual([
      ['http.80', 'removed'],
      ['http.82', 'added'],
    ]);
    expect(isEmptyDiff(diff)).toBe(false);
  });
});
