import { type Diagnostic, formatFieldPath } from '../diagnostics/index.ts';

/** A finding in one line among others: its field, and what is wrong there. */
export function findingText({ field, message }: Diagnostic): string {
  const said = message.replace(/\.$/, '');
  if (field === undefined || field.length === 0) return said;
  // `spec.http[0].timeout: timeout: …` says it twice.
  const name = `${field.at(-1)}: `;
  return `${formatFieldPath(field)}: ${said.startsWith(name) ? said.slice(name.length) : said}`;
}
