/**
 * Writes what is derived from the schemas: `node scripts/generate-resources.ts`. With `--check` nothing is written, and
 * what is stale is named; a test asserts the same.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { generatedFiles } from './generated-files.ts';

const root = join(import.meta.dirname, '..');
const checkOnly = process.argv.includes('--check');
for (const [path, content] of await generatedFiles()) {
  const file = join(root, path);
  if (existsSync(file) && readFileSync(file, 'utf8') === content) continue;
  if (checkOnly) {
    console.error(`${path} is stale: run node scripts/generate-resources.ts`);
    process.exitCode = 1;
    continue;
  }
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
}
