import { createCompiler } from '../../src/compiler/index.ts';
import type { Resource } from '../../src/resources/index.ts';
import { type ResourceSet, resourceSet } from '../../src/resources/index.ts';
import { compileOptions, parseResources } from '../support/resources.ts';

/*
 * How long compiling takes: cold, and after an edit of one object. `node test/bench/compile.bench.ts [VIRTUAL_SERVICES]`
 * Two worlds: every namespace with a host of its own, and all of them on one host, where every rule meets every other.
 */

const COUNT = Number(process.argv[2] ?? 10_000);
const NAMESPACES = 100;
const EDITS = 15;

const gateway = `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: public }
spec:
  selector: { istio: ingressgateway }
  servers:
    - { port: { number: 80, name: http, protocol: HTTP }, hosts: ['*.example.com'] }
    - { port: { number: 443, name: https, protocol: HTTPS }, hosts: ['*.example.com'], tls: { mode: SIMPLE, credentialName: wild } }
`;

const service = `
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { ports: [{ name: http, port: 80 }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: web-1, labels: { kubernetes.io/service-name: web } }
addressType: IPv4
ports: [{ name: http, port: 8080 }]
endpoints: [{ addresses: [10.0.0.1] }, { addresses: [10.0.0.2] }]
`;

/** `edition`: what an edit changes. */
function virtualService(index: number, host: string, edition = 0): Resource {
  const namespace = `team-${index % NAMESPACES}`;
  const name = `vs-${index}`;
  const body = {
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name, namespace },
    spec: {
      hosts: [host],
      gateways: ['infra/public'],
      http: [
        {
          match: [{ uri: { prefix: `/${namespace}/${name}/v${edition}` }, headers: { 'x-preview': { exact: name } } }],
          route: [{ destination: { host: 'web', port: { number: 80 } } }],
          headers: { request: { set: { 'x-team': namespace } } },
        },
        {
          match: [{ uri: { prefix: `/${namespace}/${name}` } }],
          route: [
            { destination: { host: 'web' }, weight: 90 },
            { destination: { host: 'web' }, weight: 10 },
          ],
          timeout: '3s',
          retries: { attempts: 2, retryOn: '5xx,connect-failure' },
        },
      ],
    },
  };
  return {
    kind: 'VirtualService',
    apiVersion: body.apiVersion,
    meta: { name, namespace, labels: {}, annotations: {}, creationTimestampMs: index * 1000 },
    ref: { kind: 'VirtualService', namespace, name },
    body,
    origin: {
      file: `${namespace}/${name}.yaml`,
      locate: () => ({ file: `${namespace}/${name}.yaml`, line: 1, column: 1 }),
    },
  } as unknown as Resource;
}

function world(hostOf: (index: number) => string): Resource[] {
  const teams = Array.from({ length: NAMESPACES }, (_, i) => parseResources(service, `team-${i}`)).flat();
  const services = Array.from({ length: COUNT }, (_, i) => virtualService(i, hostOf(i)));
  return [...parseResources(gateway, 'infra'), ...teams, ...services];
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;

function time<T>(work: () => T): readonly [T, number] {
  const start = performance.now();
  const value = work();
  return [value, performance.now() - start];
}

function measure(name: string, hostOf: (index: number) => string): Record<string, unknown> {
  const objects = world(hostOf);
  const compiler = createCompiler(compileOptions());
  let set: ResourceSet = resourceSet(objects);
  const [cold, coldMs] = time(() => compiler.compile(set));
  const first = objects.length - COUNT;
  const edit = (change: (edition: number) => void): number =>
    median(
      Array.from({ length: EDITS }, (_, edition) => {
        change(edition);
        const [next, sortMs] = time(() => resourceSet(objects, set));
        set = next;
        return sortMs + time(() => compiler.compile(set))[1];
      }),
    );
  const routeMs = edit((edition) => {
    const index = (edition * 977) % COUNT;
    objects[first + index] = virtualService(index, hostOf(index), edition + 1);
  });
  const gatewayMs = edit((edition) => {
    const [changed] = parseResources(
      gateway.replaceAll("['*.example.com']", `['*.example.com', '*.x${edition}.org']`),
      'infra',
    );
    if (changed !== undefined) objects[0] = changed;
  });
  const endpointsMs = edit((edition) => {
    const at = objects.findIndex(({ kind }) => kind === 'EndpointSlice');
    const [, slice] = parseResources(service.replace('10.0.0.2', `10.0.1.${edition}`), 'team-0');
    if (slice !== undefined) objects[at] = slice;
  });
  const again = createCompiler(compileOptions()).compile(resourceSet([...objects].reverse()));
  const same = again.table.revision === compiler.compile(set).table.revision;
  return {
    world: name,
    VirtualServices: COUNT,
    'cold ms': Math.round(coldMs),
    'one route edited ms': Math.round(routeMs),
    'Gateway edited ms': Math.round(gatewayMs),
    'endpoints changed ms': Math.round(endpointsMs),
    findings: cold.diagnostics.length,
    'same revision in any order': same,
    MiB: Math.round(process.memoryUsage().heapUsed / 2 ** 20),
  };
}

console.table([
  measure('a host for each namespace', (index) => `team-${index % NAMESPACES}.example.com`),
  measure('a host for each VirtualService', (index) => `vs-${index}.example.com`),
  measure('one host for all', () => 'shop.example.com'),
]);
