import { BACKEND_FINDINGS } from './catalogue-backends.ts';
import { COMPILER_FINDINGS } from './catalogue-compiler.ts';
import { DOCUMENT_FINDINGS } from './catalogue-documents.ts';
import { POLICY_FINDINGS } from './catalogue-policies.ts';
import { SOURCE_FINDINGS } from './catalogue-sources.ts';
import type { Severity } from './diagnostic.ts';

/** What a code stands for, whatever object it is found at. */
export interface CatalogueEntry {
  readonly severity: Severity;
  /** One sentence for the list of codes. */
  readonly summary: string;
  /** What happens to traffic. */
  readonly consequence: string;
  /** What to do next. */
  readonly remedy: string;
  /** Istio's code for the same thing (istio-semantics §10.7). */
  readonly istio?: string;
  /** The admission webhook refuses an object with it, though the gateway serves one that is there. */
  readonly refusedAtAdmission?: boolean;
}

/** Every code. Codes are stable: people search for them and silence them in CI. */
export const CATALOGUE = {
  ...DOCUMENT_FINDINGS,
  ...SOURCE_FINDINGS,
  ...COMPILER_FINDINGS,
  ...BACKEND_FINDINGS,
  ...POLICY_FINDINGS,
} as const satisfies Readonly<Record<string, CatalogueEntry>>;

export type DiagnosticCode = keyof typeof CATALOGUE;

export const isDiagnosticCode = (code: string): code is DiagnosticCode => Object.hasOwn(CATALOGUE, code);
