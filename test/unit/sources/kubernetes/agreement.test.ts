import { describe, expect, it } from 'vitest';
import { filterSpecs } from '../../../../plugins/specs.ts';
import { compile } from '../../../../src/compiler/index.ts';
import type { SourceSnapshot } from '../../../../src/sources/source.ts';
import { meshSettings } from '../../../support/resources.ts';
import { GATEWAYS, VIRTUAL_SERVICES, virtualService } from './fake-api.ts';
import { fakeApi, follow, soon } from './support.ts';

const tableOf = (snapshot: SourceSnapshot | undefined): string =>
  snapshot === undefined
    ? ''
    : JSON.stringify(
        compile(snapshot.resources, {
          gatewayLabels: { istio: 'ingressgateway' },
          gatewayNamespace: 'istio-system',
          mesh: meshSettings(),
          filters: filterSpecs,
        }).table,
      );

/** The same numbers on every run. */
function sequence(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
}

describe('replicas', () => {
  it.each([1, 2, 3])('come to the same table by whatever way they followed the cluster (%i)', async (seed) => {
    const api = await fakeApi();
    const random = sequence(seed);
    api.put(GATEWAYS, {
      metadata: { name: 'public', namespace: 'infra' },
      spec: {
        selector: { istio: 'ingressgateway' },
        servers: [{ port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['*/*'] }],
      },
    });
    const early = follow(api);
    await early.started;
    const write = (): void => {
      const name = `v${Math.floor(random() * 8)}`;
      const host = `h${Math.floor(random() * 3)}.example.com`;
      if (random() < 0.25) api.delete(VIRTUAL_SERVICES, virtualService(name));
      else if (random() < 0.2)
        api.put(VIRTUAL_SERVICES, { ...virtualService(name), spec: { hosts: [host], http: [{}] } });
      else api.put(VIRTUAL_SERVICES, virtualService(name, host));
      if (random() < 0.1) api.dropWatches(random() < 0.5 ? 'end' : 'reset');
    };
    for (let i = 0; i < 40; i++) {
      write();
      if (i % 10 === 0) await new Promise((resume) => setTimeout(resume, 5));
    }
    // Nothing refused is left, of which one replica may have a last good version and another none.
    for (let i = 0; i < 8; i++) api.put(VIRTUAL_SERVICES, virtualService(`v${i}`, `h${i % 3}.example.com`));
    const late = follow(api);
    await late.started;
    await soon(() => expect(tableOf(early.current())).toBe(tableOf(late.current())));
    expect(tableOf(late.current())).toContain('h1.example.com');
  });
});
