import type { FilterSpec } from '../../src/contract/index.ts';

/** Nothing that a resource could say. */
export const metricsSpec: FilterSpec = { name: 'metrics', kinds: [] };
