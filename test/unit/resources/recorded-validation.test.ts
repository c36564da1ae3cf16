import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { decodeObject } from '../../../src/resources/index.ts';
import { parseYaml } from '../../../src/sources/yaml.ts';

const ROOT = 'test/istio';

interface Recorded {
  readonly rejected?: readonly { readonly file: string; readonly document: number; readonly reason: string }[];
}

const casesOf = (category: string): string[] =>
  readdirSync(join(ROOT, category), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('case.json'))
    .map((file) => dirname(join(ROOT, category, file)));

/** Documents that Istio and we judge differently, with what either says. */
function differences(caseDir: string): string[] {
  const root = join(caseDir, 'resources');
  const { rejected = [] }: Recorded = JSON.parse(readFileSync(join(caseDir, 'answers.json'), 'utf8'));
  const reasons = new Map(rejected.map(({ file, document, reason }) => [`${file} ${document}`, reason]));
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.yaml'));
  return files.flatMap((file) =>
    parseYaml(readFileSync(join(root, file), 'utf8'), file).documents.flatMap(({ value, origin }, index) => {
      const { resource, diagnostics } = decodeObject(value, origin, file.split('/')[0]);
      const reason = reasons.get(`${file} ${index}`);
      const isRefused = diagnostics.some(({ refused }) => refused);
      if (isRefused === (reason !== undefined) && isRefused === (resource === undefined)) return [];
      return [
        `${relative(ROOT, caseDir)} ${file} ${index}: ${reason ?? 'accepted by Istio'} | ${diagnostics.map(({ message }) => message).join(' ')}`,
      ];
    }),
  );
}

const categories = readdirSync(ROOT, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && entry.name !== 'tools')
  .map((entry) => entry.name);

test.each(categories)('documents of %s are refused where Istio refuses them, and nowhere else', (category) => {
  expect(
    casesOf(category)
      .filter((dir) => existsSync(join(dir, 'resources')))
      .flatMap(differences),
  ).toEqual([]);
});
