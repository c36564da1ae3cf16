import type { FilterSpec } from '../../src/contract/index.ts';

/** Nothing that a resource could say: format and target are the operator's settings of the process. */
export const accessLogSpec: FilterSpec = { name: 'access-log', kinds: [] };
