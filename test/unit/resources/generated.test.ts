import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { generatedFiles } from '../../../scripts/generated-files.ts';

test('generated files are current; if not: node scripts/generate-resources.ts', async () => {
  for (const [path, content] of await generatedFiles()) expect(readFileSync(path, 'utf8'), path).toBe(content);
});
