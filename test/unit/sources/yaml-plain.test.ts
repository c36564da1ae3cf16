import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { FieldPath } from '../../../src/diagnostics/index.ts';
import { report } from '../../../src/diagnostics/index.ts';
import { composeDocument } from '../../../src/sources/yaml-compose.ts';
import { yamlOrigin } from '../../../src/sources/yaml-origin.ts';
import { readPlainYaml } from '../../../src/sources/yaml-plain.ts';
import { jsonOf } from '../../../src/sources/yaml-value.ts';

const RUNS = Number(process.env['YAML_RUNS'] ?? 700);

const SAMPLES = [
  readFileSync(
    new URL('../../istio/match/uri-regex/resources/shop/virtualservices.yaml', import.meta.url),
    'utf8',
  ).slice(0, 1500),
  `# a comment
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, labels: {app: "w b", 'x': 'it''s'}}
spec:
  hosts: ["a.example.com", b.example.com ]
  http:
  - name: one # why
    match:
      - uri: {prefix: /v1}
        headers:
          x-a: {exact: "1"}
    timeout: 1.5s
    retries: {attempts: 3, perTryTimeout: 2s}
    route:
      - destination:
          host: svc
          port: {number: 8080}
        weight: 90
      -   destination: {host: other}
  - - 1
    - yes
    -
  empty:
  list: []
  none: {}
  on: off
  numbers: [0x1F, 017, 1_000, -1, +2, .5, 1e3, 08, ~, null, -0, 1.]
  url: https://example.com/a?b=c#d
`,
  'a: 1\nb:\n- x\n- y: 1\n  z: 2\nc: |\n  text\nd: >-\n  more\n  text\ne: "esc\\"aped"\n',
  'key with space: 1\n? complex\n: value\n"quoted key": 2\n&a b: *a\n<<: {x: 1}\n!tag c: d\n%x: 1\n',
];

const PIECES = [
  ' ',
  '  ',
  '\n',
  '\n  ',
  '- ',
  ': ',
  ':',
  '#',
  ' #',
  '{',
  '}',
  '[',
  ']',
  ', ',
  ',',
  '"',
  "'",
  '|',
  '>',
  '&a ',
  '*a',
  '!',
  '%',
  '@',
  '`',
  '?',
  '~',
  'null',
  'true',
  'a',
  'b: c',
  '\t',
  '---\n',
  '...\n',
  '\\',
  '0',
  '-',
  '.',
  'é',
  '\r\n',
  '<<: ',
];

/** A sample with some of it cut out, doubled, or something put in. */
const mutated = fc
  .record({
    sample: fc.constantFrom(...SAMPLES),
    edits: fc.array(fc.record({ at: fc.nat(1200), cut: fc.nat(6), put: fc.constantFrom('', ...PIECES) }), {
      maxLength: 4,
    }),
    lines: fc.option(fc.tuple(fc.nat(40), fc.nat(12))),
  })
  .map(({ sample, edits, lines }) => {
    let text = sample;
    for (const { at, cut, put } of edits)
      text = text.slice(0, at % (text.length + 1)) + put + text.slice((at % (text.length + 1)) + cut);
    if (lines === null) return text;
    const all = text.split('\n');
    return all.slice(lines[0] % all.length, (lines[0] % all.length) + lines[1] + 1).join('\n');
  });
const composedOfPieces = fc
  .array(fc.constantFrom(...PIECES, 'key: ', 'word', '- a\n', 'x: 1\n', '  y: 2\n'), { maxLength: 14 })
  .map((parts) => parts.join(''));

/** Every place of a value. */
function pathsOf(value: unknown, path: FieldPath = []): FieldPath[] {
  const children = typeof value === 'object' && value !== null ? Object.entries(value) : [];
  return [
    path,
    ...children.flatMap(([key, item]) => pathsOf(item, [...path, Array.isArray(value) ? Number(key) : key])),
  ];
}

function compare(text: string): void {
  const plain = readPlainYaml(text);
  if (plain === undefined) return;
  const chunk = { text, line: 1 };
  const composed = composeDocument(chunk, 'a.yaml');
  expect(composed.diagnostics, text).toEqual([]);
  const read =
    composed.document === undefined
      ? { value: null, diagnostics: [] }
      : jsonOf(composed.document, (code, message) => report(code, { message }));
  expect(read.diagnostics, text).toEqual([]);
  expect(plain.value, text).toEqual(read.value);
  const places = yamlOrigin('a.yaml', chunk, []);
  // A colon that the plain reader never meets, in a comment behind the last line, sends the same text to the library.
  const slow = yamlOrigin('a.yaml', { text: `${text}${text.endsWith('\n') ? '' : '\n'}#\t`, line: 1 }, []);
  for (const path of pathsOf(plain.value)) {
    for (const of of ['key', 'value'] as const) {
      if (plain.at !== undefined) expect([path, places.locate(path, of)], text).toEqual([path, slow.locate(path, of)]);
    }
  }
}

describe('where the plain reader answers, it answers as the library does', () => {
  test('for changed samples', () => {
    fc.assert(fc.property(mutated, compare), { numRuns: RUNS });
  });

  test('for scraps of syntax', () => {
    fc.assert(fc.property(composedOfPieces, compare), { numRuns: RUNS });
  });

  test('for single words', () => {
    const words = fc.stringMatching(/^[-+.~0-9a-zA-Z_:#,'"!&*?/ ]{1,8}$/);
    const around = (text: string): string[] => [
      `a: ${text}\nb: [${text}]\n`,
      `- ${text}\n`,
      `{k: ${text}}`,
      `a: {k: ${text}, l: x}`,
      `${text}: 1\n`,
    ];
    fc.assert(
      fc.property(words, (text) => around(text).forEach(compare)),
      { numRuns: RUNS },
    );
  });
});

test('what people write is read without the library', () => {
  expect(readPlainYaml(SAMPLES[1] ?? '')).toBeDefined();
});
