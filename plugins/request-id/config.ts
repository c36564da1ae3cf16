import type { FilterSpec } from '../../src/contract/index.ts';

/** Nothing to configure: it acts on every request. */
export const requestIdSpec: FilterSpec = { name: 'request-id', kinds: [] };
