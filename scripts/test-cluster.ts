/**
 * Runs the tests that need a real Kubernetes API: `node scripts/test-cluster.ts [--long] [vitest's arguments]`. `--long`:
 * outages and partitions as long as edge-security §2.2 wants them, an hour in all.
 *
 * etcd and kube-apiserver are those of KUBEBUILDER_ASSETS, else ../shared/kube builds them, once per machine, into a cache
 * outside of this folder. Where that cannot be, those tests are skipped, which is said and is neither a failure nor a
 * pass; the ones against a scripted API server run all the same.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';

const root = path.join(import.meta.dirname, '..');
const kube = path.resolve(root, '../shared/kube');
const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** Where the Go installer puts it, whether or not a PATH has heard of it. */
const env = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/local/go/bin` };

/** Why they cannot be run here. */
class Skipped extends Error {}

/** A folder with etcd, kube-apiserver and kubectl. */
function assets(): string {
  if (!existsSync(path.join(kube, 'start.mjs'))) throw new Skipped(`${kube}, which starts it, is not there`);
  const given = process.env['KUBEBUILDER_ASSETS'];
  if (given === undefined) return built();
  for (const name of ['etcd', 'kube-apiserver', 'kubectl'])
    if (!existsSync(path.join(given, name))) throw new Error(`KUBEBUILDER_ASSETS is ${given}, which has no ${name}`);
  return given;
}

function built(): string {
  const needed = /^go (\d+)\.(\d+)/m.exec(readFileSync(path.join(kube, 'apiserver/go.mod'), 'utf8'));
  const found = /go(\d+)\.(\d+)/.exec(spawnSync('go', ['env', 'GOVERSION'], { env, encoding: 'utf8' }).stdout ?? '');
  const version = needed === null ? 'Go' : `Go ${needed[1]}.${needed[2]}`;
  if (found === null) throw new Skipped(`it is built with ${version}, which is not there`);
  if (needed !== null && asNumber(found) < asNumber(needed))
    throw new Skipped(`it is built with ${version}, and ${found[0]} is there`);
  const folder = path.join(process.env['XDG_CACHE_HOME'] || path.join(homedir(), '.cache'), 'banyan/kube');
  say(`etcd and kube-apiserver are built into ${folder}: minutes the first time, nothing when they are current`);
  // A kubectl that is there will do; else it is built with the rest.
  const full = spawnSync('kubectl', ['version', '--client'], { env }).error === undefined ? [] : ['--full'];
  const { status } = spawnSync('bash', [path.join(kube, 'build.sh'), folder, ...full], { env, stdio: 'inherit' });
  if (status !== 0) throw new Error(`${kube}/build.sh failed`);
  return folder;
}

const asNumber = ([, major, minor]: RegExpExecArray): number => Number(major) * 1_000 + Number(minor);

function run(real: Readonly<Record<string, string>>): number {
  const vitest = path.join(root, 'node_modules/vitest/vitest.mjs');
  const config = path.join(root, 'test/cluster/vitest.config.ts');
  const args = process.argv.slice(2).filter((arg) => arg !== '--long');
  const long = args.length < process.argv.length - 2 ? { TEST_LONG: 'yes' } : {};
  const { status } = spawnSync(process.execPath, [vitest, 'run', '--config', config, ...args], {
    stdio: 'inherit',
    cwd: root,
    env: { ...process.env, ...real, ...long },
  });
  return status ?? 1;
}

try {
  process.exitCode = run({ KUBEBUILDER_ASSETS: assets(), TEST_KUBE_DIR: kube });
} catch (error) {
  if (error instanceof Skipped) {
    process.exitCode = run({});
    say(`SKIPPED: the tests against a real Kubernetes API were not run: ${error.message}`);
  } else {
    say((error as Error).message);
    process.exitCode = 1;
  }
}
