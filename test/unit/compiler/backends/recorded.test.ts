import { describe, expect, it } from 'vitest';
import { type BuiltBackends, clusterId, createBackends } from '../../../../src/compiler/backends/index.ts';
import type { ClusterId } from '../../../../src/table/model.ts';
import { mesh, options } from './builders.ts';
import {
  caseOf,
  casesOf,
  destinationsOf,
  isUnavailable,
  meshOf,
  type RecordedRequest,
  reached,
  resourcesOf,
} from './recorded.ts';

interface Replay {
  readonly clustersOf: (request: RecordedRequest) => readonly ClusterId[];
  readonly built: BuiltBackends;
}

/** Everything a request of a case may come to, and where those clusters are. */
function replay(name: string): Replay {
  const resources = resourcesOf(name);
  const known = createBackends({ resources, options: options({ mesh: mesh(meshOf(name)) }) });
  const clustersOf = (request: RecordedRequest): readonly ClusterId[] =>
    destinationsOf(resources, request).map(({ host, namespace, port, subset }) => {
      const service = known.lookup(host, namespace);
      const only = service?.ports.length === 1 ? service.ports[0]?.number : undefined;
      return clusterId(service?.clusterHost ?? host, port ?? only ?? request.port ?? 80, subset);
    });
  return { clustersOf, built: known.build(new Set(caseOf(name).requests.flatMap(clustersOf))) };
}

const healthy = (built: BuiltBackends, ids: readonly ClusterId[]): readonly string[] =>
  ids.flatMap((id) =>
    (built.endpoints.clusters[id] ?? [])
      .filter((endpoint) => endpoint.healthy)
      .map(({ address, port }) => `${address === 'localhost' ? '127.0.0.1' : address}:${port}`),
  );

const CATEGORIES = ['destination', 'subsets', 'service-entry', 'balancing', 'breaker', 'upstream-tls', 'weights'];

describe.each(CATEGORIES.flatMap(casesOf))('%s', (name) => {
  it('every backend that Istio reached is an endpoint of the destination', () => {
    const { clustersOf, built } = replay(name);
    for (const request of caseOf(name).requests) {
      const answered = reached(name, request.id);
      expect({ [request.id]: healthy(built, clustersOf(request)) }).toEqual({
        [request.id]: expect.arrayContaining([...answered]),
      });
    }
  });
});

describe.each(['destination', 'subsets', 'service-entry'].flatMap(casesOf))('%s', (name) => {
  it('where Istio had nobody to send a request to, neither have we', () => {
    const { clustersOf, built } = replay(name);
    const listening = new Set(Object.keys(caseOf(name).backends));
    for (const request of caseOf(name).requests) {
      const clusters = clustersOf(request);
      if (!isUnavailable(name, request.id) || clusters.length !== 1) continue;
      const open = healthy(built, clusters).filter((address) => listening.has(address.split(':').at(-1) ?? ''));
      expect({ [request.id]: open }).toEqual({ [request.id]: [] });
    }
  });
});

it('there is much to compare', () => {
  const answers = CATEGORIES.flatMap(casesOf).flatMap((name) =>
    caseOf(name).requests.map((request) => reached(name, request.id).length),
  );
  expect(answers.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(250);
});
