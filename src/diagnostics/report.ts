import { CATALOGUE, type CatalogueEntry, type DiagnosticCode } from './catalogue.ts';
import type { Diagnostic } from './diagnostic.ts';

/** What only the finder knows; the rest is the catalogue's, unless the finder knows better. */
export type Finding = Pick<Diagnostic, 'message'> & {
  readonly [P in keyof Omit<Diagnostic, 'code' | 'message'>]?: Diagnostic[P] | undefined;
};

/**
 * A diagnostic of a known code. Severity, consequence and remedy come from the catalogue where the finding has none;
 * `refused` is false unless said otherwise.
 */
export function report(code: DiagnosticCode, finding: Finding): Diagnostic {
  const entry: CatalogueEntry = CATALOGUE[code];
  const { object, field, location, related, witness } = finding;
  return {
    code,
    severity: finding.severity ?? entry.severity,
    message: finding.message,
    consequence: finding.consequence ?? entry.consequence,
    remedy: finding.remedy ?? entry.remedy,
    ...(object !== undefined && { object }),
    ...(field !== undefined && { field }),
    ...(location !== undefined && { location }),
    refused: finding.refused ?? false,
    ...(related !== undefined && { related }),
    ...(witness !== undefined && { witness }),
  };
}
