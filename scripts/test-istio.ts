import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
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

const reviewed = path.join(root, 'test/istio-reviewed.txt');
const report = path.join(mkdtempSync(path.join(tmpdir(), 'istio-')), 'differences.json');
const result = spawnSync(
  process.execPath,
  [path.join(copy, 'tools/replay.mjs'), '--allow', reviewed, '--json', report, ...args],
  { cwd: root, stdio: 'inherit' },
);
const unreviewed =
  result.status === null || !existsSync(report) ? ['the replay did not end'] : differencesLeft(report, reviewed);
for (const difference of unreviewed) console.log(`differs: ${difference}`);
process.exitCode = problems.length > 0 || unreviewed.length > 0 ? 1 : 0;

/** The replayer cannot read an id that ends with a blank from its list; here it can be. */
function differencesLeft(file: string, allowed: string): string[] {
  const lines = readFileSync(allowed, 'utf8').split('\n');
  const found = JSON.parse(readFileSync(file, 'utf8')) as Record<string, Record<string, readonly string[]>>;
  return Object.entries(found).flatMap(([name, requests]) =>
    Object.entries(requests)
      .filter(([id]) => !lines.some((line) => line.startsWith(`${name}  ${id}  `)))
      .map(([id, wrong]) => `${name}  ${id}: ${wrong.slice(0, 3).join('; ')}`),
  );
}

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
