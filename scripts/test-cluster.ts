/**
 * Runs the tests that need a real Kubernetes API: `node scripts/test-cluster.ts [vitest's arguments]`.
 *
 * etcd and kube-apiserver are those of KUBEBUILDER_ASSETS, else built by ../shared/kube where that is there. Without
 * them nothing is run, which is said and is no failure.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';

const root = path.join(import.meta.dirname, '..');
const kube = path.resolve(root, '../shared/kube');

function skip(why: string): never {
  process.stdout.write(`SKIPPED: the tests against a real Kubernetes API were not run: ${why}\n`);
  process.exit(0);
}

if (!existsSync(path.join(kube, 'start.mjs')))
  skip(
    `${kube}, which starts it, is not there${process.env['KUBEBUILDER_ASSETS'] ? '' : ', nor is KUBEBUILDER_ASSETS set'}`,
  );
const assets = process.env['KUBEBUILDER_ASSETS'] ?? path.join(root, 'node_modules/.cache/kube');
if (process.env['KUBEBUILDER_ASSETS'] === undefined) {
  process.stdout.write(`KUBEBUILDER_ASSETS is not set: building into ${assets} (minutes, the first time)\n`);
  const { status } = spawnSync('bash', [path.join(kube, 'build.sh'), assets], { stdio: 'inherit' });
  if (status !== 0) skip(`${kube}/build.sh failed; it needs Go`);
}
if (!existsSync(path.join(assets, 'kube-apiserver'))) skip(`${assets} has no kube-apiserver`);

const vitest = path.join(root, 'node_modules/vitest/vitest.mjs');
const config = path.join(root, 'test/cluster/vitest.config.ts');
const { status } = spawnSync(process.execPath, [vitest, 'run', '--config', config, ...process.argv.slice(2)], {
  stdio: 'inherit',
  cwd: root,
  env: { ...process.env, KUBEBUILDER_ASSETS: assets, BANYAN_TEST_KUBE: kube },
});
process.exit(status ?? 1);
