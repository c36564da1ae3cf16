import dgram from 'node:dgram';
import { afterEach, describe, expect, it } from 'vitest';
import { type DnsOptions, NameResolver } from '../../../../src/dataplane/upstreams/dns.ts';
import type { Endpoint } from '../../../../src/table/model.ts';
import { answering, cleanUp, clusterOf, endpointOf, later, OK, pause, rawServer, rigFor, until } from './support.ts';

afterEach(cleanUp);

interface Zone {
  /** name → addresses; `fail`: NXDOMAIN; `silent`: no answer at all; `broken`: SERVFAIL. */
  records: Record<
    string,
    { readonly a?: readonly string[]; readonly aaaa?: readonly string[] } | 'fail' | 'silent' | 'broken'
  >;
  ttl: number;
}

/** A name server of the test's own, on loopback; only what it is told exists. */
async function nameServer(records: Zone['records'], ttl = 0) {
  const zone: Zone = { records, ttl };
  const queries: string[] = [];
  const socket = dgram.createSocket('udp4');
  socket.on('message', (message, from) => {
    const { name, type, end } = question(message);
    queries.push(`${name} ${type === 28 ? 'AAAA' : 'A'}`);
    const known = zone.records[name];
    if (known === 'silent') return;
    const addresses = typeof known === 'object' ? ((type === 28 ? known.aaaa : known.a) ?? []) : [];
    const answers = addresses.map((address) => record(address, type, zone.ttl));
    const head = Buffer.from(message.subarray(0, 12));
    head[2] = 0x84 | ((head[2] as number) & 1);
    head[3] = known === 'broken' ? 2 : typeof known === 'object' ? 0x80 : 3;
    head.writeUInt16BE(answers.length, 6);
    head.writeUInt32BE(0, 8);
    socket.send(Buffer.concat([head, message.subarray(12, end), ...answers]), from.port, from.address);
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  later(() => new Promise((resolve) => socket.close(() => resolve())));
  return { zone, queries, server: `127.0.0.1:${socket.address().port}` };
}

function question(message: Buffer): { readonly name: string; readonly type: number; readonly end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = message[at] as number; length > 0; length = message[at] as number) {
    labels.push(message.toString('latin1', at + 1, at + 1 + length));
    at += length + 1;
  }
  return { name: labels.join('.').toLowerCase(), type: message.readUInt16BE(at + 1), end: at + 5 };
}

function record(address: string, type: number, ttl: number): Buffer {
  const data =
    type === 28
      ? Buffer.from(
          new URL(`http://[${address}]`).hostname === '[::1]' ? [...Array(15).fill(0), 1] : Array(16).fill(0x20),
        )
      : Buffer.from(address.split('.').map(Number));
  const head = Buffer.alloc(12);
  head.writeUInt16BE(0xc00c, 0);
  head.writeUInt16BE(type, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt32BE(ttl, 6);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}

function resolverFor(options: DnsOptions): NameResolver {
  const resolver = new NameResolver({
    minimumRefreshMs: 10,
    lookup: () => Promise.reject(new Error('no such file')),
    ...options,
  });
  later(() => resolver.close());
  return resolver;
}

describe('a name', () => {
  it('is all of its addresses, IPv6 ones where they lead anywhere', async () => {
    const { server } = await nameServer({ 'both.test': { a: ['10.0.0.1', '10.0.0.2'], aaaa: ['::1'] } }, 60);
    const watch = resolverFor({ servers: [server], ipv6: 'always' }).watch('both.test', () => {});
    await watch.settled;
    expect(watch.addresses()?.toSorted()).toEqual(['10.0.0.1', '10.0.0.2', '::1']);
  });

  it('may have IPv6 addresses alone', async () => {
    const { server } = await nameServer({ 'six.test': { aaaa: ['::1'] } }, 60);
    const watch = resolverFor({ servers: [server] }).watch('six.test', () => {});
    await watch.settled;
    expect(watch.addresses()).toEqual(['::1']);
  });

  it('is asked once for all who watch it, and no more once nobody does', async () => {
    const { server, queries } = await nameServer({ 'a.test': { a: ['10.0.0.1'] } }, 0);
    const resolver = resolverFor({ servers: [server], minimumRefreshMs: 20 });
    const watches = Array.from({ length: 10 }, () => resolver.watch('a.test', () => {}));
    await Promise.all(watches.map((watch) => watch.settled));
    expect(queries.filter((query) => query === 'a.test A').length).toBe(1);
    for (const watch of watches) watch.close();
    const asked = queries.length;
    await pause(60);
    expect(queries.length).toBe(asked);
  });

  it('is asked again when its time is over, and changes are told', async () => {
    const { server, zone } = await nameServer({ 'a.test': { a: ['10.0.0.1'] } }, 0);
    let changes = 0;
    const watch = resolverFor({ servers: [server] }).watch('a.test', () => changes++);
    await watch.settled;
    zone.records = { 'a.test': { a: ['10.0.0.2'] } };
    await until(() => watch.addresses()?.[0] === '10.0.0.2');
    expect(changes).toBe(2);
  });

  it('is asked no more often than the limit, whatever its time says', async () => {
    const { server, queries } = await nameServer({ 'a.test': { a: ['10.0.0.1'] } }, 0);
    const watch = resolverFor({ servers: [server], minimumRefreshMs: 60_000 }).watch('a.test', () => {});
    await watch.settled;
    const asked = queries.length;
    await pause(40);
    expect(queries.length).toBe(asked);
  });

  it('is not asked again before its time is over', async () => {
    const { server, queries } = await nameServer({ 'a.test': { a: ['10.0.0.1'] } }, 60);
    const watch = resolverFor({ servers: [server], minimumRefreshMs: 5 }).watch('a.test', () => {});
    await watch.settled;
    const asked = queries.length;
    await pause(40);
    expect(queries.length).toBe(asked);
  });

  it.each(['fail', 'broken', 'silent'] as const)(
    'keeps its last good addresses while the server answers with: %s',
    async (outcome) => {
      const { server, zone, queries } = await nameServer({ 'a.test': { a: ['10.0.0.1'] } }, 0);
      const watch = resolverFor({ servers: [server] }).watch('a.test', () => {});
      await watch.settled;
      zone.records = { 'a.test': outcome };
      const asked = queries.length;
      await until(() => queries.length > asked + 1);
      expect(watch.addresses()).toEqual(['10.0.0.1']);
    },
  );

  it('that was never known has none, and settles', async () => {
    const { server, zone } = await nameServer({ 'a.test': 'fail' });
    const watch = resolverFor({ servers: [server] }).watch('a.test', () => {});
    await watch.settled;
    expect(watch.addresses()).toBeUndefined();
    zone.records = { 'a.test': { a: ['10.0.0.9'] } };
    await until(() => watch.addresses()?.[0] === '10.0.0.9');
  });

  it('of the machine’s own files is found there, without a word to the network', async () => {
    const { server, queries } = await nameServer({});
    const looked: string[] = [];
    const lookup = (name: string): Promise<readonly string[]> => {
      looked.push(name);
      return Promise.resolve(['::1', '127.0.0.1']);
    };
    const resolver = resolverFor({ servers: [server], lookup });
    const watches = ['localhost', 'a.localhost', 'host', 'in-files.test'].map((name) => resolver.watch(name, () => {}));
    await Promise.all(watches.map((watch) => watch.settled));
    expect(watches.map((watch) => watch.addresses())).toEqual(Array(4).fill(['127.0.0.1']));
    expect(looked.toSorted()).toEqual(['a.localhost', 'host', 'in-files.test', 'localhost']);
    expect(queries.every((query) => query.startsWith('in-files.test'))).toBe(true);
  });

  it('with a thousand addresses is bounded', async () => {
    const many = Array.from({ length: 28 }, (_, i) => `10.0.${i}.1`);
    const { server } = await nameServer({ 'many.test': { a: many } }, 60);
    const watch = resolverFor({ servers: [server] }).watch('many.test', () => {});
    await watch.settled;
    expect(watch.addresses()?.length).toBe(28);
  });
});

describe('a cluster of names', () => {
  const dnsCluster = (all: boolean) => clusterOf({ discovery: { kind: 'dns', all } });
  const named = (address: string, port: number, changes: Partial<Endpoint> = {}): Endpoint =>
    endpointOf(port, { address, ...changes });
  const keys = (rig: ReturnType<typeof rigFor>): string[] | undefined =>
    rig.upstreams.snapshot()[0]?.hosts.map((host) => host.address);

  it('has all addresses as hosts, and follows them', async () => {
    const backend = await rawServer(answering(() => OK));
    const { server, zone } = await nameServer({ 'a.test': { a: ['127.0.0.1', '127.0.0.2'] } });
    const dns = { servers: [server], minimumRefreshMs: 10 };
    const rig = rigFor([named('a.test', backend.port, { weight: 3 })], dnsCluster(true), { dns });
    expect(rig.cluster.pick({ hash: undefined, avoid: new Set() })).toBeUndefined();
    await rig.upstreams.settled();
    expect(keys(rig)).toEqual([`127.0.0.1:${backend.port}`, `127.0.0.2:${backend.port}`]);
    zone.records = { 'a.test': { a: ['127.0.0.1'] } };
    await until(() => keys(rig)?.length === 1);
    expect((await rig.start().recorder.ended).body).toBe('ok');
    await rig.upstreams.close(0);
  });

  it('takes one address at a time where that is asked', async () => {
    const { server, zone } = await nameServer({ 'a.test': { a: ['127.0.0.3', '127.0.0.2'] } });
    const dns = { servers: [server], minimumRefreshMs: 10 };
    const rig = rigFor([named('a.test', 80)], dnsCluster(false), { dns });
    await rig.upstreams.settled();
    expect(keys(rig)?.length).toBe(1);
    zone.records = { 'a.test': { a: ['127.0.0.9'] } };
    await until(() => keys(rig)?.[0] === '127.0.0.9:80');
    await rig.upstreams.close(0);
  });

  it('may mix names and addresses, and asks nobody about addresses', async () => {
    const { server, queries } = await nameServer({ 'a.test': { a: ['127.0.0.2'] } }, 60);
    const rig = rigFor([named('127.0.0.7', 80), named('::1', 81), named('a.test', 82)], dnsCluster(true), {
      dns: { servers: [server] },
    });
    await rig.upstreams.settled();
    expect(keys(rig)).toEqual(['127.0.0.7:80', '[::1]:81', '127.0.0.2:82']);
    expect(queries.every((query) => query.startsWith('a.test'))).toBe(true);
    await rig.upstreams.close(0);
  });

  it('is guarded at each connect, whatever a name resolves to', async () => {
    const { server } = await nameServer({ 'rebinding.test': { a: ['127.0.0.1'] } }, 60);
    const rig = rigFor([named('rebinding.test', 80)], dnsCluster(true), {
      dns: { servers: [server] },
      mayDial: () => false,
    });
    await rig.upstreams.settled();
    expect((await rig.start().recorder.ended).failure?.reason).toBe('connect-failure');
    await rig.upstreams.close(0);
  });

  it('stops asking with its cluster', async () => {
    const { server, queries } = await nameServer({ 'a.test': { a: ['127.0.0.2'] } });
    const rig = rigFor([named('a.test', 80)], dnsCluster(true), { dns: { servers: [server], minimumRefreshMs: 5 } });
    await rig.upstreams.settled();
    rig.update(dnsCluster(true), [named('127.0.0.1', 80)]);
    await pause(10);
    const asked = queries.length;
    await pause(30);
    expect(queries.length).toBe(asked);
    await rig.upstreams.close(0);
  });

  it('names mean nothing where endpoints are listed: they are not resolved', async () => {
    const { server, queries } = await nameServer({ 'a.test': { a: ['127.0.0.2'] } });
    const rig = rigFor([named('a.test', 80)], clusterOf(), { dns: { servers: [server] } });
    await rig.upstreams.settled();
    expect(queries).toEqual([]);
    await rig.upstreams.close(0);
  });
});
