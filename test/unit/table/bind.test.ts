import { describe, expect, it } from 'vitest';
import { type BoundTable, bindTable } from '../../../src/table/bind.ts';
import { lookUpHost } from '../../../src/table/host-index.ts';
import type { Listener, TlsServer, VirtualHost } from '../../../src/table/model.ts';
import { config, host, prefix, route, table } from './builders.ts';

const server = (id: string, ...serverNames: readonly string[]): TlsServer => ({
  id,
  serverNames,
  handling: { kind: 'passthrough', route: undefined },
});

const find = (bound: BoundTable, name: string) => {
  const index = bound.routeConfigs.get('http.80')?.hosts;
  return index && lookUpHost(index, name);
};

describe('binding a table over an older one', () => {
  it('takes over what is the same object, and binds the rest', () => {
    const kept = host('a.com', [route('a', { path: prefix('/a') })]);
    const edited = host('b.com', [route('b')]);
    const before = bindTable(table([config([kept, host('b.com', [])])]));
    const after = bindTable(table([config([kept, edited])]), before);
    expect(find(after, 'a.com')).toBe(find(before, 'a.com'));
    expect(find(after, 'b.com')?.virtualHost).toBe(edited);
  });

  it.each([
    [
      'one is edited',
      [
        ['a.com', '1'],
        ['b.com', '2'],
        ['*.c.com', '1'],
      ],
    ],
    [
      'one comes',
      [
        ['a.com', '1'],
        ['aa.com', '1'],
        ['b.com', '1'],
        ['*.c.com', '1'],
      ],
    ],
    [
      'one goes',
      [
        ['a.com', '1'],
        ['*.c.com', '1'],
      ],
    ],
    [
      'one takes the place of another',
      [
        ['a.com', '1'],
        ['bb.com', '1'],
        ['*.c.com', '1'],
      ],
    ],
    [
      'two change their places',
      [
        ['b.com', '1'],
        ['a.com', '1'],
        ['*.c.com', '1'],
      ],
    ],
    ['none is left', []],
  ] as const)('finds each host after %s', (_what, edited) => {
    const all = new Map<string, VirtualHost>();
    const hostOf = ([domain, edition]: readonly [string, string]): VirtualHost => {
      const made = all.get(domain + edition) ?? host(domain, [route(domain + edition)]);
      all.set(domain + edition, made);
      return made;
    };
    const first = [
      ['a.com', '1'],
      ['b.com', '1'],
      ['*.c.com', '1'],
    ] as const;
    const before = bindTable(table([config(first.map(hostOf))]));
    const after = bindTable(table([config(edited.map(hostOf))], 'r2'), before);
    const asked = ['a.com', 'aa.com', 'b.com', 'bb.com', 'x.c.com'];
    const wanted = asked.map((name) => edited.find(([domain]) => domain === name || domain === `*.${name.slice(2)}`));
    expect(asked.map((name) => find(after, name)?.virtualHost)).toEqual(wanted.map((one) => one && hostOf(one)));
    expect(asked.slice(0, 1).map((name) => find(before, name)?.virtualHost)).toEqual([hostOf(['a.com', '1'])]);
  });

  it('takes over whole route configs and listeners', () => {
    const shared = config([host('a.com', [route('a')])]);
    const listener: Listener = { port: 443, bind: undefined, plaintext: undefined, tls: [server('s', '*')] };
    const before = bindTable({ ...table([shared]), listeners: [listener] });
    const after = bindTable({ ...table([shared, config([], 'http.81')], 'r2'), listeners: [listener] }, before);
    expect(after.routeConfigs.get('http.80')).toBe(before.routeConfigs.get('http.80'));
    expect(after.listeners[0]).toBe(before.listeners[0]);
  });

  it('binds a virtual host that stands in two route configs once', () => {
    const shared = host('a.com', [route('a')]);
    const bound = bindTable(table([config([shared]), config([shared], 'http.81')]));
    const hosts = [...bound.routeConfigs.values()].map(({ hosts: index }) => lookUpHost(index, 'a.com'));
    expect(hosts[0]).toBeDefined();
    expect(hosts[0]).toBe(hosts[1]);
  });
});

describe('a listener with several TLS servers', () => {
  const tls = [server('wild', '*.x.com'), server('exact', 'a.x.com', 'b.org'), server('deep', '*.d.x.com')];
  const [listener] = bindTable({
    ...table([]),
    listeners: [{ port: 443, bind: undefined, plaintext: undefined, tls }],
  }).listeners;
  const chosen = (name: string) => listener && lookUpHost(listener.tls, name)?.id;

  it('chooses by the exact name, else by the longest wildcard', () => {
    expect(['a.x.com', 'b.org', 'c.x.com', 'c.d.x.com', 'e.c.x.com'].map(chosen)).toEqual([
      'exact',
      'exact',
      'wild',
      'deep',
      'wild',
    ]);
  });

  it('has none for other names, or for a client that names none', () => {
    expect(['x.com', 'org', ''].map(chosen)).toEqual([undefined, undefined, undefined]);
  });
});
