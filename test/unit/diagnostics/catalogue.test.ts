import { describe, expect, test } from 'vitest';
import { CATALOGUE, type CatalogueEntry, isDiagnosticCode, report } from '../../../src/diagnostics/index.ts';

const entries = Object.entries(CATALOGUE as Readonly<Record<string, CatalogueEntry>>);

describe('every code', () => {
  test.each(entries)('%s is a name that stays, and says all there is to say in whole sentences', (code, entry) => {
    expect(code).toMatch(/^[a-z]+(?:-[a-z0-9]+)*$/);
    expect(isDiagnosticCode(code)).toBe(true);
    for (const text of [entry.summary, entry.consequence, entry.remedy]) expect(text).toMatch(/^[^a-z].*[.?]$/s);
    expect(entry.istio ?? 'IST0101').toMatch(/^IST\d{4}(?:\/IST\d{4})*$/);
  });
});

test.each(['nothing', '', 'constructor', '__proto__'])('%j is no code', (code) => {
  expect(isDiagnosticCode(code)).toBe(false);
});

describe('a report', () => {
  test('takes from the catalogue what the finder does not know better', () => {
    expect(report('unknown-field', { message: 'm' })).toEqual({
      code: 'unknown-field',
      severity: 'error',
      message: 'm',
      consequence: CATALOGUE['unknown-field'].consequence,
      remedy: CATALOGUE['unknown-field'].remedy,
      refused: false,
    });
  });

  test('keeps all that the finder says', () => {
    const finding = {
      severity: 'hint',
      message: 'm',
      consequence: 'c',
      remedy: 'r',
      object: { kind: 'Pod', namespace: 'a', name: 'b' },
      field: ['spec', 0],
      location: { file: 'f', line: 1, column: 2 },
      refused: true,
      related: [{ message: 'x' }],
      witness: 'GET http://a/',
    } as const;
    expect(report('overlap', finding)).toEqual({ code: 'overlap', ...finding });
  });
});
