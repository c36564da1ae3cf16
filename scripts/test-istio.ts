import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/**
 * Replays the recorded answers of a real Istio ingress gateway (test/istio) with this gateway and prints agreement by
 * category. `npm run test:istio -- [--verbose] [DIR…]`: a category's name, or a path. Reviewed differences are in
 * test/istio-reviewed.txt. A request whose one recorded answer was drawn by weight is played again when it differs.
 */
const root = path.resolve(import.meta.dirname, '..');
const copy = path.join(root, 'test/istio');

const args = process.argv
  .slice(2)
  .map((arg) => (!arg.startsWith('-') && existsSync(path.join(copy, arg)) ? path.join(copy, arg) : arg));
const problems = differencesFromNeighbour(path.join(root, '../shared/cases'));
for (const problem of problems) console.error(problem);

interface Difference {
  /** The case: category/name. */
  readonly name: string;
  readonly id: string;
  readonly wrong: readonly string[];
}

/**
 * Requests that are played once and whose destination is drawn by weight: the recording is one draw, and an honest
 * gateway draws otherwise now and then. Such a difference counts when the case, played again, shows it again.
 */
const DRAWN: readonly string[] = [
  'weights/headers-and-retries  /timeout delay=2000', // 1 : 99, so twice in a row is one run in 10,000
];

const reviewed = path.join(root, 'test/istio-reviewed.txt');
const first = replay(args);
const drawn = (first ?? []).filter(isDrawn);
const again = drawn.length === 0 ? [] : replay([...new Set(drawn.map(({ name }) => path.join(copy, name)))]);
if (first === undefined || again === undefined) console.log('differs: the replay did not end');
const left = [...(first ?? []).filter((difference) => !isDrawn(difference)), ...(again ?? [])];
for (const { name, id, wrong } of left) console.log(`differs: ${name}  ${id}: ${wrong.slice(0, 3).join('; ')}`);
process.exitCode = problems.length > 0 || first === undefined || again === undefined || left.length > 0 ? 1 : 0;

function isDrawn({ name, id }: Difference): boolean {
  return DRAWN.includes(`${name}  ${id}`);
}

/** Differences that are not on the reviewed list; undefined when the replayer did not come to its end. */
function replay(cases: readonly string[]): readonly Difference[] | undefined {
  const report = path.join(mkdtempSync(path.join(tmpdir(), 'istio-')), 'differences.json');
  const result = spawnSync(
    process.execPath,
    [path.join(copy, 'tools/replay.mjs'), '--allow', reviewed, '--json', report, ...cases],
    { cwd: root, stdio: 'inherit' },
  );
  if (result.status === null || !existsSync(report)) return undefined;
  // The replayer cannot read an id that ends with a blank from its list; here it can be.
  const lines = readFileSync(reviewed, 'utf8').split('\n');
  const found = JSON.parse(readFileSync(report, 'utf8')) as Record<string, Record<string, readonly string[]>>;
  return Object.entries(found).flatMap(([name, requests]) =>
    Object.entries(requests)
      .filter(([id]) => !lines.some((line) => line.startsWith(`${name}  ${id}  `)))
      .map(([id, wrong]) => ({ name, id, wrong })),
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
