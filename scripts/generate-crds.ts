/** Writes deploy/crds: `node scripts/generate-crds.ts`; with `--check` it only says what is stale, and exits 1. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { crdFiles } from './crds.ts';

const root = path.join(import.meta.dirname, '..');
const checking = process.argv.includes('--check');

for (const [file, content] of crdFiles()) {
  const target = path.join(root, file);
  if (!checking) {
    mkdirSync(path.dirname(target), { recursive: true });
    writeFileSync(target, content);
  } else if (contentOf(target) !== content) {
    process.stderr.write(`${file} is stale: run node scripts/generate-crds.ts\n`);
    process.exitCode = 1;
  }
}

function contentOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
