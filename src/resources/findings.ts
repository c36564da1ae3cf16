import type { DiagnosticCode, FieldPath } from '../diagnostics/index.ts';
import type { FieldFinding } from './schema-decode.ts';

interface Details {
  readonly code?: DiagnosticCode;
  readonly remedy?: string;
  readonly of?: 'key' | 'value';
}

/** Collects what the rules of a kind find in one object. An error refuses the object, a warning does not. */
export class Findings {
  readonly list: FieldFinding[] = [];
  readonly #limit: number;

  constructor(limit = Number.POSITIVE_INFINITY) {
    this.#limit = limit;
  }

  error(path: FieldPath, message: string, { code = 'invalid-value', remedy, of = 'value' }: Details = {}): void {
    this.#add({ severity: 'error', code, path, of, message, ...(remedy !== undefined && { remedy }) });
  }

  warning(path: FieldPath, message: string, { code = 'questionable-value', remedy, of = 'value' }: Details = {}): void {
    this.#add({ severity: 'warning', code, path, of, message, ...(remedy !== undefined && { remedy }) });
  }

  hint(path: FieldPath, message: string, { code = 'questionable-value', remedy, of = 'value' }: Details = {}): void {
    this.#add({ severity: 'hint', code, path, of, message, ...(remedy !== undefined && { remedy }) });
  }

  /** A missing field: said at its parent's place. */
  missing(path: FieldPath, message: string): void {
    this.error(path, message, { code: 'missing-field' });
  }

  conflict(path: FieldPath, message: string): void {
    this.error(path, message, { code: 'conflicting-fields', of: 'key' });
  }

  #add(finding: FieldFinding): void {
    if (this.list.length < this.#limit) this.list.push(finding);
  }
}
