import type { FilterSpec } from '../../src/contract/index.ts';

/** Nothing that a resource could say: where traces go and how many is the operator's setting of the process. */
export const tracingSpec: FilterSpec = { name: 'tracing', kinds: [] };
