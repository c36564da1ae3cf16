import { describe, expect, it } from 'vitest';
import { bindTable } from '../../../src/table/bind.ts';
import { lookUpHost } from '../../../src/table/host-index.ts';
import type { Listener, TlsServer } from '../../../src/table/model.ts';
import { config, host, prefix, route, table } from './builders.ts';

const server = (id: string, ...serverNames: readonly string[]): TlsServer => ({
  id,
  serverNames,
  handling: { kind: 'passthrough', route: undefined },
});

describe('binding a table over an older one', () => {
  it('takes over what is the same object, and binds the rest', () => {
    const kept = host('a.com', [route('a', { path: prefix('/a') })]);
    const edited = host('b.com', [route('b')]);
    const before = bindTable(table([config([kept, host('b.com', [])])]));
    const after = bindTable(table([config([kept, edited])]), before);
    expect(after.virtualHosts.get(kept)).toBe(before.virtualHosts.get(kept));
    expect(after.virtualHosts.get(edited)).toBeDefined();
    expect(after.virtualHosts.size).toBe(2);
  });

  it('takes over whole route configs and listeners', () => {
    const shared = config([host('a.com', [route('a')])]);
    const listener: Listener = { port: 443, bind: undefined, plaintext: undefined, tls: [server('s', '*')] };
    const before = bindTable({ ...table([shared]), listeners: [listener] });
    const after = bindTable({ ...table([shared, config([], 'http.81')], 'r2'), listeners: [listener] }, before);
    expect(after.routeConfigs.get('http.80')).toBe(before.routeConfigs.get('http.80'));
    expect(after.listeners[0]).toBe(before.listeners[0]);
    expect(after.virtualHosts.size).toBe(1);
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
