import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeFile } from '../../../src/sources/decode-file.ts';
import { readMeshConfig } from '../../../src/sources/mesh-file.ts';

const service = (name: string, ports = '[{ port: 80 }]'): string =>
  `apiVersion: v1
kind: Service
metadata: { name: ${name} }
spec: { ports: ${ports} }
`;
const decode = (text: string, previous?: Parameters<typeof decodeFile>[1]) =>
  decodeFile({ file: 'shop/a.yaml', text, namespace: 'shop' }, previous);
const refs = (decoded: ReturnType<typeof decode>): string[] =>
  decoded.objects.map(({ ref }) => `${ref.namespace}/${ref.name}`);

describe('decoding a file', () => {
  it('gives each document the namespace of the folder', () => {
    expect(refs(decode(`${service('a')}---\n${service('b')}`))).toEqual(['shop/a', 'shop/b']);
  });

  it('leaves the neighbours of a refused document alone', () => {
    const decoded = decode(`${service('a')}---\n${service('b', '7')}`);
    expect(refs(decoded)).toEqual(['shop/a']);
    expect(decoded.diagnostics).toMatchObject([
      {
        code: 'wrong-type',
        refused: true,
        object: { name: 'b', namespace: 'shop' },
        location: { file: 'shop/a.yaml', line: 9 },
      },
    ]);
  });

  it('takes nothing from a file that is no YAML throughout, and says all that is wrong with it', () => {
    const decoded = decode(`${service('a', '7')}---\n{ [`);
    expect(refs(decoded)).toEqual([]);
    expect(new Set(decoded.diagnostics.map((finding) => finding.code))).toEqual(new Set(['wrong-type', 'yaml-syntax']));
  });

  it('keeps the identity of documents that stand as they stood', () => {
    const before = decode(`${service('a')}---\n${service('b')}`);
    const after = decode(`${service('a')}---\n${service('c')}`, before);
    expect(after.objects[0]).toBe(before.objects[0]);
    expect(refs(after)).toEqual(['shop/a', 'shop/c']);
  });

  it('finds nothing in an empty file', () => {
    expect(decode('# nothing\n')).toMatchObject({ objects: [], diagnostics: [] });
  });
});

describe('reading a mesh configuration', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'banyan-mesh-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  async function read(text: string) {
    const file = path.join(folder, 'mesh.yaml');
    writeFileSync(file, text);
    return readMeshConfig(file, 'corp.local');
  }

  it('takes its fields, and the cluster domain of the settings', async () => {
    const { settings, diagnostics } = await read('rootNamespace: infra\npathNormalization: { normalization: BASE }\n');
    expect(settings).toMatchObject({ rootNamespace: 'infra', clusterDomain: 'corp.local', pathNormalization: 'base' });
    expect(diagnostics).toEqual([]);
  });

  it.each([
    ['an empty file', '', 0],
    ['a field that is wrong', 'connectTimeout: soon', 1],
    ['no YAML', 'a: [', 1],
    ['two documents', 'rootNamespace: a\n---\nrootNamespace: b\n', 1],
  ])('finds as many mistakes as there are in %s', async (_name, text, count) => {
    expect((await read(text)).diagnostics.filter((finding) => finding.severity === 'error')).toHaveLength(count);
  });

  it('has defaults when there is none, and rejects when it cannot be read', async () => {
    expect(await readMeshConfig(undefined, 'cluster.local')).toMatchObject({
      settings: { rootNamespace: 'istio-system' },
      diagnostics: [],
    });
    await expect(readMeshConfig(path.join(folder, 'nothing.yaml'), 'x')).rejects.toThrow(
      /nothing\.yaml cannot be read: it does not exist/,
    );
  });
});
