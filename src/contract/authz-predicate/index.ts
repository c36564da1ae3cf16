/** AuthorizationPolicies, as far as more than one plugin needs them: who they act on, what their rules mean. */
export { bindConnectionRule, bindRule, type PolicyFacts, type PolicyTest } from './bind.ts';
export { compileRule, type WrittenRule } from './compile.ts';
export { rbacDenied, ruleName } from './denial.ts';
export { foreseeRule } from './foresee.ts';
export type { Leaning, NamedRule } from './model.ts';
export { scopeOf } from './scope.ts';
