/** What we say to a team about its files. */
export { CATALOGUE, type CatalogueEntry, type DiagnosticCode, isDiagnosticCode } from './catalogue.ts';
export {
  type Diagnostic,
  type FieldPath,
  formatFieldPath,
  formatObjectRef,
  formatPlace,
  type ObjectRef,
  type RelatedPlace,
  type Severity,
  type SourceLocation,
} from './diagnostic.ts';
export {
  diagnosticJson,
  type FormatOptions,
  formatDiagnostic,
  githubAnnotation,
  type Palette,
  type SourceText,
} from './format.ts';
export { type Finding, report } from './report.ts';
