import { defineConfig } from 'vitest/config';

/** Without a real API server there is a scripted one. */
const isReal = process.env['TEST_KUBE_DIR'] !== undefined;

export default defineConfig({
  test: {
    include: [isReal ? 'test/cluster/**/*.test.ts' : 'test/cluster/scripted/**/*.test.ts'],
    globalSetup: isReal ? ['test/cluster/start-kube.ts'] : [],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    // One server and two cores for all of them.
    fileParallelism: false,
  },
});
