import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import type { Resource } from '../resources/kinds.ts';
import type { ResourceSet } from '../resources/set.ts';
import type { Backends } from './backends/index.ts';
import type { CompileOptions } from './compilation.ts';
import type { GatewayPlan } from './from-gateway.ts';
import type { BuiltListeners } from './listeners.ts';
import type { Routing } from './routing.ts';

/** What the rules look at: the drafts of one compilation. */
export interface Examination {
  readonly resources: ResourceSet;
  readonly plan: GatewayPlan;
  readonly routing: Routing;
  readonly listening: BuiltListeners;
  readonly lookups: Backends;
}

export interface Examined {
  /** Lists that are the same objects where nothing changed. */
  readonly diagnostics: readonly (readonly Diagnostic[])[];
  /** Objects that no listener takes. */
  readonly idle: ReadonlySet<Resource>;
}

export function createExaminer(_options: CompileOptions): (examination: Examination) => Examined {
  return () => ({ diagnostics: [], idle: new Set() });
}
