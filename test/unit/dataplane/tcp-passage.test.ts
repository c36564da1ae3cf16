import { describe, expect, it } from 'vitest';
import type { ConnectionRecord, Filter } from '../../../src/contract/index.ts';
import { ConnectionFilters } from '../../../src/dataplane/connection-filters.ts';
import type { PinnedTable } from '../../../src/dataplane/exchange.ts';
import { createTcpPassages, type PassageOptions } from '../../../src/dataplane/tcp-passage.ts';
import type { TcpRoute } from '../../../src/table/model.ts';

const client = {
  peerAddress: '10.0.0.1',
  remoteAddress: '198.51.100.7',
  remotePort: 50_123,
  localAddress: '192.0.2.1',
  localPort: 5432,
  listenerPort: 15_432,
  destinationPort: 5432,
  tls: { serverName: 'db.example.com', client: undefined },
};
const route: TcpRoute = {
  id: 'shop/db/tcp/0',
  owner: { namespace: 'shop', kind: 'VirtualService', name: 'db', delegate: undefined, file: 'f', line: 1 },
  destinations: [{ cluster: 'outbound|5432||db.shop', weight: 1 }],
  hashSource: false,
  idleTimeoutMs: undefined,
  maxDurationMs: undefined,
};

/** A passage of which no cluster is known, with all that was told of it. */
function passing(
  filter: Omit<Filter, 'name'> = {},
  options: { readonly route?: TcpRoute | undefined; readonly table?: boolean } = {},
) {
  const told: ConnectionRecord[] = [];
  const errors: unknown[] = [];
  let nowMs = 1_000;
  const filters: readonly Filter[] = [
    { name: 'own', ...filter },
    { name: 'log', logConnection: (record) => void told.push(structuredClone(record)) },
  ];
  const pinned = { revision: 'r1', connections: new ConnectionFilters(filters, { own: {} }) } as unknown as PinnedTable;
  const passage = createTcpPassages({
    pinned: () => (options.table === false ? undefined : pinned),
    filters: () => filters,
    upstreams: { get: () => undefined } as unknown as PassageOptions['upstreams'],
    clock: { nowMs: () => nowMs, monotonicMs: () => nowMs },
    random: () => 0,
    onError: (error) => errors.push(error),
  })('route' in options ? options.route : route, client);
  return {
    passage,
    told,
    errors,
    wait: (ms: number): void => {
      nowMs += ms;
    },
  };
}

describe('what is written down of a raw connection', () => {
  it('has whom it speaks for by the PROXY protocol, and how long it lasted', async () => {
    const { passage, told, wait } = passing();
    await passage.connect();
    wait(250);
    passage.ended('finished');
    expect(told).toMatchObject([
      {
        peerAddress: '10.0.0.1',
        clientAddress: '198.51.100.7',
        clientPort: 50_123,
        localAddress: '192.0.2.1',
        localPort: 5432,
        listenerPort: 15_432,
        serverName: 'db.example.com',
        routeId: 'shop/db/tcp/0',
        tableRevision: 'r1',
        startedAtMs: 1_000,
        durationMs: 250,
      },
    ]);
  });

  it('is what policies are asked about: the port that the client came to', async () => {
    let asked: unknown;
    const { passage } = passing({
      connection(facts) {
        asked = facts;
        return true;
      },
    });
    await passage.connect();
    expect(asked).toMatchObject({
      peerAddress: '10.0.0.1',
      clientAddress: '198.51.100.7',
      localAddress: '192.0.2.1',
      listenerPort: 5432,
      owner: { name: 'db' },
      record: { routeId: 'shop/db/tcp/0' },
    });
  });

  it.each<[string, Parameters<typeof passing>[1], object]>([
    [
      'no rule',
      { route: undefined },
      { cause: 'no-route', flags: ['NR'], details: 'filter_chain_not_found', routeId: undefined, owner: undefined },
    ],
    ['no table', { table: false }, { cause: 'not-ready', flags: [], tableRevision: '' }],
    ['no cluster', {}, { cause: 'unknown-destination', flags: ['NC'], clusterNamespace: undefined }],
    [
      'no destination',
      { route: { ...route, destinations: [] } },
      { cause: 'unknown-destination', flags: ['NC'], cluster: undefined },
    ],
  ])('says why there is no way: %s', async (_, options, expected) => {
    const { passage, told } = passing({}, options);
    expect(await passage.connect()).toBeUndefined();
    passage.ended('drained');
    expect(told).toMatchObject([expected]);
  });

  it.each([
    ['finished', undefined, []],
    ['idle-timeout', 'idle-timeout', []],
    ['max-duration', 'max-duration', ['DT']],
    ['drained', 'drained', []],
  ] as const)('says why it ended: %s', (why, cause, flags) => {
    const { passage, told } = passing();
    passage.ended(why);
    expect(told).toMatchObject([{ cause, flags }]);
  });

  it('is told once, and nobody writes into it after that', async () => {
    let admit: (admitted: boolean) => void = () => {};
    const { passage, told } = passing({
      connection: () =>
        new Promise((resolve) => {
          admit = resolve;
        }),
    });
    const connecting = passage.connect();
    passage.ended('drained');
    admit(false);
    expect(await connecting).toBeUndefined();
    passage.ended('finished');
    expect(told).toHaveLength(1);
    expect(passage.record).toMatchObject({ cause: 'drained', flags: [] });
  });

  it('says that a filter failed, whatever that one had written', async () => {
    const { passage, told, errors } = passing({
      connection({ record }) {
        record.cause = 'half-way';
        throw new Error('of its own');
      },
    });
    expect(await passage.connect()).toBeUndefined();
    passage.ended('finished');
    expect(told).toMatchObject([{ cause: 'internal-error' }]);
    expect(errors).toEqual([new Error('of its own')]);
  });
});
