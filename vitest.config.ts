import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/bench/**', 'test/faults/**', 'test/cluster/**'],
    testTimeout: 20_000,
    pool: 'forks',
  },
});
