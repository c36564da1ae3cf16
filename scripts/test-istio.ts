import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/**
 * Replays the recorded answers of a real Istio ingress gateway (test/istio) with this gateway and prints agreement by
 * category. `npm run test:istio -- [--verbose] [DIR…]`: a category's name, or a path. Reviewed differences are in
 * test/istio-reviewed.txt.
 */
const root = path.resolve(import.meta.dirname, '..');
const copy = path.join(root, 'test/istio');

const args = process.argv
  .slice(2)
  .map((arg) => (!arg.startsWith('-') && existsSync(path.join(copy, arg)) ? path.join(copy, arg) : arg));
const problems = differencesFromNeighbour(path.join(root, '../shared/cases'));
for (const problem of problems) console.error(problem);

const result = spawnSync(
  process.execPath,
  [path.join(copy, 'tools/replay.mjs'), '--allow', path.join(root, 'test/istio-reviewed.txt'), ...args],
  { cwd: root, stdio: 'inherit' },
);
process.exitCode = problems.length > 0 ? 1 : (result.status ?? 1);

/** Where the recordings' origin lies beside the project, the copy must agree with it to the byte. */
function differencesFromNeighbour(neighbour: string): string[] {
  if (!existsSync(neighbour)) return [];
  const listing = (dir: string): Map<string, string> =>
    new Map(
      readdirSync(dir, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => [
          path.relative(dir, path.join(entry.parentPath, entry.name)),
          path.join(entry.parentPath, entry.name),
        ]),
    );
  const [theirs, ours] = [listing(neighbour), listing(copy)];
  return [...new Set([...theirs.keys(), ...ours.keys()])].flatMap((file) => {
    const [a, b] = [theirs.get(file), ours.get(file)];
    if (a === undefined || b === undefined)
      return [`test/istio/${file} is ${a === undefined ? 'not in' : 'missing, unlike in'} the recordings' origin`];
    return readFileSync(a).equals(readFileSync(b)) ? [] : [`test/istio/${file} differs from the recordings' origin`];
  });
}
