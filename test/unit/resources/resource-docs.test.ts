import { describe, expect, it } from 'vitest';
import { messagesOf, pages, resourcePages } from '../../../scripts/generate-resource-docs.ts';
import { compile } from '../../../src/compiler/index.ts';
import { CATALOGUE, formatFieldPath } from '../../../src/diagnostics/index.ts';
import { decodeObject, resourceSet } from '../../../src/resources/index.ts';
import { KINDS } from '../../../src/resources/registry.ts';
import { OBJECT_META } from '../../../src/resources/support.ts';
import { parseYaml } from '../../../src/sources/yaml.ts';
import { compileOptions } from '../../support/resources.ts';

const keysOf = (messages: Iterable<readonly [string, readonly string[]]>): readonly string[] =>
  [...messages].flatMap(([message, fields]) => fields.map((field) => `${message}.${field}`)).toSorted();

describe('the pages of resources', () => {
  it.each(pages().map((page) => [page.title, page] as const))(
    'say something of every field of %s, and of no other',
    (_, page) => {
      const inSchema = keysOf(
        [...messagesOf(page)].map(([message, fields]) => [message, fields.map(({ name }) => name)]),
      );
      const said = keysOf(
        Object.entries(page.support.messages).map(([message, fields]) => [message, Object.keys(fields)]),
      );
      expect(
        said.filter((key) => !inSchema.includes(key)),
        'notes for fields that are gone',
      ).toEqual([]);
      expect(
        inSchema.filter((key) => !said.includes(key)),
        'fields without a note',
      ).toEqual([]);
    },
  );

  it('say something of every field of metadata', () => {
    const fields = KINDS.Gateway.schema.definitions?.['ObjectMeta']?.properties ?? {};
    expect(Object.keys(OBJECT_META['ObjectMeta'] ?? {}).toSorted()).toEqual(Object.keys(fields).toSorted());
  });

  it('leave no field without a meaning', () => {
    for (const [path, page] of resourcePages()) {
      const rows = page.split('\n').filter((line) => line.startsWith('| `'));
      for (const line of rows) expect(line.split(/(?<!\\)\|/)[3]?.trim(), `${path}: ${line}`).not.toBe('');
    }
  });

  it('name only diagnostics that there are', () => {
    for (const [path, page] of resourcePages()) {
      for (const [, code = ''] of page.matchAll(/(?:reported as |503, |fail, |fits, |: )`([a-z]+(?:-[a-z]+)+)`/g))
        expect(CATALOGUE, path).toHaveProperty([code]);
    }
  });

  it('link only to messages of the same page', () => {
    for (const [path, page] of resourcePages()) {
      const sections = new Set([...page.matchAll(/^## (\w+)$/gm)].map(([, name = '']) => name.toLowerCase()));
      for (const [, anchor = ''] of page.matchAll(/\]\(#([a-z0-9]+)\)/g)) expect(sections, path).toContain(anchor);
    }
  });
});

/** Every field that is said to be ignored and reported, once. */
const IGNORED = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: a }
spec:
  host: web
  trafficPolicy:
    loadBalancer: { zoneAwareLbSetting: { enabled: true, failoverPriority: [a], minClusterSize: 1 } }
    connectionPool: { tcp: { tcpKeepalive: { probes: 3, time: 1s, interval: 1s } } }
  subsets: [{ name: a, trafficPolicy: { tunnel: { protocol: CONNECT, targetHost: a.b, targetPort: 1 } } }]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: a }
spec: { hosts: [a.b], http: [{ match: [{ uri: { prefix: /a } }], redirect: { uri: /, prefixRewrite: / } }, { route: [{ destination: { host: a } }] }] }
`;

it('what is said to be ignored is reported where it stands', () => {
  const documents = parseYaml(IGNORED, 'shop/a.yaml').documents.map(({ value, origin }) =>
    decodeObject(value, origin, 'shop'),
  );
  const resources = documents.flatMap(({ resource }) => resource ?? []);
  const found = [
    ...documents.flatMap(({ diagnostics }) => diagnostics),
    ...compile(resourceSet(resources), compileOptions()).diagnostics,
  ];
  const places = found.filter(({ code }) => code === 'ignored-field').map(({ field = [] }) => formatFieldPath(field));
  expect(places.toSorted()).toEqual([
    'spec.http[0].redirect.prefixRewrite',
    'spec.subsets[0].trafficPolicy.tunnel',
    'spec.trafficPolicy.connectionPool.tcp.tcpKeepalive.interval',
    'spec.trafficPolicy.connectionPool.tcp.tcpKeepalive.probes',
    'spec.trafficPolicy.loadBalancer.zoneAwareLbSetting',
  ]);
});
