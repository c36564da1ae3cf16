import { describe, expect, it } from 'vitest';
import type { Filter } from '../../../src/contract/plugin.ts';
import { AnnouncedSettings } from '../../../src/dataplane/announced-settings.ts';
import type { FilterSettings, VirtualHost } from '../../../src/table/model.ts';
import { config, host, route, table } from '../table/builders.ts';

const hostWith = (domain: string, ...all: readonly FilterSettings[]): VirtualHost =>
  host(
    domain,
    all.map((filters, i) => ({ ...route(`${domain}-${i}`), filters })),
  );

function announcing() {
  const told: (readonly unknown[])[] = [];
  const filter: Filter = { name: 'limit', published: (settings) => void told.push(settings) };
  const silent: Filter = { name: 'other' };
  return { told, announced: new AnnouncedSettings([silent, filter]) };
}

describe('the settings of a new table', () => {
  const [one, two, three] = [{ n: 1 }, { n: 2 }, { n: 3 }];

  it('are told to each filter that asks, each once, with those of the whole gateway', () => {
    const { told, announced } = announcing();
    const hosts = [hostWith('a.com', { limit: one, other: three }), hostWith('b.com', { limit: two }, { limit: one })];
    announced.announce({ ...table([config(hosts)]), filters: { limit: three } });
    expect(told).toEqual([[three, one, two]]);
  });

  it('are gone when the last route that has them is gone', () => {
    const { told, announced } = announcing();
    const [a, b, c] = [hostWith('a.com', { limit: one }), hostWith('b.com', { limit: one }), hostWith('c.com', {})];
    const edited = hostWith('b.com', { limit: two });
    const states = [[a, b, c], [a, edited, c], [edited, c], [c], [], [a]];
    for (const [i, hosts] of states.entries()) announced.announce(table([config(hosts)], `r${i}`));
    announced.announce(table([]));
    expect(told).toEqual([[one], [one, two], [two], [], [], [one], []]);
  });
});
