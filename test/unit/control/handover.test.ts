import { describe, expect, it } from 'vitest';
import { type Handover, HandoverReceiver, HandoverSender, type ServedState } from '../../../src/control/handover.ts';
import { bindTable } from '../../../src/table/index.ts';
import type { Cluster, RouteConfig, RouteTable, VirtualHost } from '../../../src/table/model.ts';

const host = (domain: string): VirtualHost => ({ domain, requireTls: false, routes: [] });
const [a, b, b2, c] = [host('a.com'), host('b.com'), { ...host('b.com'), requireTls: true }, host('c.com')];
const cluster = (id: string): Cluster => ({ id }) as Cluster;
const settings = { pathNormalization: 'base', numTrustedProxies: 0, forwardClientCert: 'sanitize-set' } as const;
const [x, y] = [cluster('x'), cluster('y')];
const cors = { rules: [undefined, { nested: 1 }] };

const table = (revision: string, hosts: readonly VirtualHost[], more: Partial<RouteTable> = {}): RouteTable => ({
  revision,
  settings,
  listeners: [],
  routeConfigs: [{ name: 'http.80', port: 80, grpcWeb: false, virtualHosts: hosts }],
  clusters: [x, y],
  filters: { cors },
  ...more,
});
const state = (
  served: RouteTable,
  endpoints: ServedState['endpoints'] = { revision: 'e', clusters: {} },
  credentials: ServedState['credentials'] = { revision: 'c', credentials: {} },
): ServedState => ({ table: served, endpoints, credentials });

/** As it goes through a channel: nothing keeps its identity on the way. */
const sent = (message: Handover | undefined): Handover => structuredClone(message) as Handover;

describe('the hand-over of a state', () => {
  it('brings each state whole, and only what the receiver does not have', () => {
    const [sender, receiver] = [new HandoverSender(), new HandoverReceiver()];
    const states = [
      state(table('1', [a, b])),
      state(table('2', [a, b2])),
      state(table('3', [c, a, b2])),
      state(table('4', [c])),
      state(table('5', [c], { clusters: [y], filters: {} })),
      state(table('6', [a, b], { routeConfigs: [] })),
    ];
    const sizes = states.map((next) => {
      const message = sent(sender.next(next));
      expect(receiver.receive(message)).toEqual(next);
      return message.parts.length;
    });
    // settings, cors, two hosts, two clusters; one host each; nothing for what only goes; what had gone once more.
    expect(sizes).toEqual([6, 1, 1, 0, 0, 2]);
  });

  it('keeps the identity of what did not change, so that binding takes it over', () => {
    const [sender, receiver] = [new HandoverSender(), new HandoverReceiver()];
    const before = receiver.receive(sent(sender.next(state(table('1', [a, b]))))).table;
    const after = receiver.receive(sent(sender.next(state(table('2', [a, b2]))))).table;
    expect(after.routeConfigs[0]?.virtualHosts[0]).toBe(before.routeConfigs[0]?.virtualHosts[0]);
    expect(after.clusters[1]).toBe(before.clusters[1]);
    const bound = bindTable(before);
    const { name } = before.routeConfigs[0] as RouteConfig;
    const [unchanged] = bound.routeConfigs.get(name)?.hosts.values ?? [];
    expect(unchanged?.virtualHost).toBe(before.routeConfigs[0]?.virtualHosts[0]);
    expect(bindTable(after, bound).routeConfigs.get(name)?.hosts.values[0]).toBe(unchanged);
  });

  it('does not send a route config again that is the same object', () => {
    const sender = new HandoverSender();
    const first = table('1', [a, b]);
    sender.next(state(first));
    const message = sender.next(state({ ...first, revision: '2', clusters: [x] }));
    expect(message?.table?.routeConfigs).toEqual([{ kind: 'known', part: expect.any(Number) }]);
    expect([message?.parts.length, message?.dropped.length]).toEqual([0, 1]);
  });

  it('speaks of few hosts where there are many', () => {
    const [sender, receiver] = [new HandoverSender(), new HandoverReceiver()];
    const many = Array.from({ length: 500 }, (_, i) => host(`h${i}.com`));
    receiver.receive(sent(sender.next(state(table('1', many)))));
    const edited = [
      many.with(250, host('h250.com')),
      many.toSpliced(100, 2),
      [a, ...many, b],
      many.with(10, b).with(400, c),
      [],
      many,
    ];
    const lengths = edited.map((hosts, i) => {
      const next = state(table(`${i + 2}`, hosts));
      const message = sent(sender.next(next));
      expect(receiver.receive(message)).toEqual(next);
      return message.parts.length;
    });
    expect(lengths).toEqual([1, 1, 4, 1, 0, 500]);
    expect(JSON.stringify(sender.next(state(table('8', many.with(3, a))))).length).toBeLessThan(1_000);
  });

  it('keeps a host for as long as it stands in any route config', () => {
    const [sender, receiver] = [new HandoverSender(), new HandoverReceiver()];
    const both = (revision: string, first: readonly VirtualHost[], second: readonly VirtualHost[]) => {
      const config = (name: string, virtualHosts: readonly VirtualHost[]) => ({
        name,
        port: 80,
        grpcWeb: false,
        virtualHosts,
      });
      return state(table(revision, [], { routeConfigs: [config('http.80', first), config('http.81', second)] }));
    };
    for (const next of [
      both('1', [a, b], [a]),
      both('2', [b], [a]),
      both('3', [b], [a, b]),
      both('4', [], [b]),
      both('5', [a], []),
    ])
      expect(receiver.receive(sent(sender.next(next)))).toEqual(next);
  });

  it('sends endpoints and credentials by entry, without the table', () => {
    const [sender, receiver] = [new HandoverSender(), new HandoverReceiver()];
    const served = table('1', [a]);
    const endpoint = { address: '10.0.0.1', port: 1, weight: 1, healthy: true, locality: '', priority: 0 };
    receiver.receive(sent(sender.next(state(served, { revision: 'e1', clusters: { x: [endpoint], y: [] } }))));
    const next = state(
      served,
      { revision: 'e2', clusters: { x: [{ ...endpoint }] } },
      { revision: 'c2', credentials: { __proto__x: { kind: 'ca', certificatesPem: 'p', crlPem: undefined } } },
    );
    const message = sent(sender.next(next));
    expect(message.table).toBeUndefined();
    expect(message.endpoints).toEqual({ revision: 'e2', set: [], removed: ['y'] });
    expect(receiver.receive(message)).toEqual(next);
  });

  it('has nothing to say of a state that was handed over', () => {
    const sender = new HandoverSender();
    sender.next(state(table('1', [a])));
    expect(sender.next(state(table('1', [a])))).toBeUndefined();
  });
});
