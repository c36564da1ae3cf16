import type { FieldPath } from '../../diagnostics/index.ts';
import { type Diagnostic, type DiagnosticCode, type Finding, report } from '../../diagnostics/index.ts';
import type { Resource } from '../../resources/index.ts';
import type { PathNormalization } from '../../table/index.ts';
import type { Attachable } from '../attach.ts';
import type { RuleSet } from '../delegation.ts';
import type { GatewayPlan } from '../from-gateway.ts';

/** One VirtualService, and what of the rest matters to it. */
export interface Subject {
  readonly attachable: Attachable;
  readonly ruleSet: RuleSet;
  readonly surroundings: Surroundings;
}

/** The same object from one compilation to the next as long as nothing in it changes. */
export interface Surroundings {
  readonly plan: GatewayPlan;
  /** Some RequestAuthentication acts at the gateway. */
  readonly hasAuthentication: boolean;
  readonly pathNormalization: PathNormalization;
}

export type SubjectRule = (subject: Subject) => readonly Diagnostic[];

/** A finding at a field of an object. */
export const reportAt = (
  code: DiagnosticCode,
  object: Resource,
  field: FieldPath,
  finding: Omit<Finding, 'object' | 'field' | 'location'>,
): Diagnostic => report(code, { ...finding, object: object.ref, field, location: object.origin.locate(field) });
