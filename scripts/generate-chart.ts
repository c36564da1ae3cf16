/** Writes the Helm chart's templates: `node scripts/generate-chart.ts`. A test asserts that nothing is stale. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { chartFiles } from './chart.ts';

const root = path.join(import.meta.dirname, '..');
for (const [file, content] of chartFiles()) {
  mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
  writeFileSync(path.join(root, file), content);
}
