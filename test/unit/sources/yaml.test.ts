import { describe, expect, test } from 'vitest';
import { MAX_DOCUMENTS, parseYaml } from '../../../src/sources/yaml.ts';

const values = (text: string): unknown[] => parseYaml(text, 'a.yaml').documents.map((document) => document.value);
const findings = (text: string): string[] =>
  parseYaml(text, 'a.yaml').diagnostics.map(
    ({ code, location, message }) => `${location?.file}:${location?.line}:${location?.column} ${code} ${message}`,
  );

describe('documents', () => {
  test.each([
    ['one document', 'a: 1\n', [{ a: 1 }]],
    ['several documents', 'a: 1\n---\nb: 2\n--- # with a comment\nc: 3\n', [{ a: 1 }, { b: 2 }, { c: 3 }]],
    ['a leading marker', '---\na: 1\n', [{ a: 1 }]],
    ['a byte order mark', '\uFEFFa: 1\n', [{ a: 1 }]],
    ['carriage returns', 'a: 1\r\n---\r\nb: 2\r\n', [{ a: 1 }, { b: 2 }]],
    ['content on the line of the marker', '--- {a: 1}\n', [{ a: 1 }]],
    ['an end marker', 'a: 1\n...\n---\nb: 2\n', [{ a: 1 }, { b: 2 }]],
    ['a directive', '%YAML 1.2\n---\na: 1\n', [{ a: 1 }]],
    ['dashes inside a text', 'a: |\n  x\n  ---\n  y\n', [{ a: 'x\n---\ny\n' }]],
    ['a List kind', 'kind: List\nitems:\n  - kind: A\n  - kind: B\n', [{ kind: 'A' }, { kind: 'B' }]],
    ['a typed list', 'kind: VirtualServiceList\nitems: [{kind: A}, null]\n', [{ kind: 'A' }]],
    ['a scalar', 'hello\n', ['hello']],
    ['an empty file', '', []],
    ['only comments', '# nothing\n---\n# here\n---\n', []],
    ['an explicit null', '---\nnull\n', []],
  ])('%s', (_, text, expected) => {
    expect(values(text)).toEqual(expected);
    expect(findings(text)).toEqual([]);
  });

  test.each([
    ['yes', true],
    ['off', false],
    ['True', true],
    ['"yes"', 'yes'],
    ['0777', 511],
    ['0b101', 5],
    ['0x1F', 31],
    ['1_000', 1000],
    ['08', 8],
    ['1.5', 1.5],
    ['12:30', '12:30'],
    ['1.2.3', '1.2.3'],
    ['2024-01-01T00:00:00Z', '2024-01-01T00:00:00Z'],
    ['~', null],
    ['5s', '5s'],
  ])('the plain scalar %s is read as kubectl reads it', (text, expected) => {
    expect(values(`a: ${text}\n`)).toEqual([{ a: expected }]);
  });

  test('keys keep their letters, whatever they look like', () => {
    expect(values('on: 1\n8080: 2\n"y": 3\n__proto__: {x: 1}\n')).toEqual([
      Object.defineProperty({ on: 1, 8080: 2, y: 3 }, '__proto__', { value: { x: 1 }, enumerable: true }),
    ]);
    expect(({} as { x?: number }).x).toBeUndefined();
  });

  test('aliases are written out and merge keys are merged', () => {
    expect(values('a: &a {x: 1, y: 2}\nb: *a\nc:\n  <<: *a\n  y: 3\n')).toEqual([
      { a: { x: 1, y: 2 }, b: { x: 1, y: 2 }, c: { x: 1, y: 3 } },
    ]);
  });
});

describe('what is no YAML is a located finding', () => {
  test.each([
    ['a tab', 'a:\n\tb: 1\n', 'a.yaml:2:1 yaml-syntax'],
    ['a key given twice', 'a: 1\nb: 2\na: 3\n', "a.yaml:3:1 yaml-syntax The key 'a' is given twice."],
    ['a missing bracket, in the second document', 'a: 1\n---\nb: [1\nc: 2\n', 'a.yaml:4:1 yaml-syntax'],
    ['an unknown alias', 'a: *b\n', "a.yaml:1:4 yaml-syntax No anchor 'b' comes before this alias."],
    ['an alias to what it stands in', 'a: &a [*a]\n', 'a.yaml:1:8 yaml-syntax An alias stands inside'],
    ['a mapping as a key', '{a: 1}: 2\n', 'a.yaml:1:1 yaml-syntax A key must be a plain text'],
    ['wrong indentation', 'a:\n  b: 1\n c: 2\n', 'a.yaml:3:'],
    ['binary rubbish', '\u0000\u0001: [\n', 'a.yaml:'],
  ])('%s', (_, text, expected) => {
    const file = parseYaml(text, 'a.yaml');
    expect(findings(text).join('\n')).toContain(expected);
    expect(file.readable).toBe(false);
    expect(file.diagnostics.every(({ refused }) => refused)).toBe(true);
  });

  test('what the parser stumbles over after it has lost its way is not told', () => {
    expect(findings('a: 1\nb: [x] y\nc: 2\nd: { e: 3 }\n')).toHaveLength(1);
  });

  test('tabs are told once, where they begin', () => {
    expect(findings('a:\n\tb: 1\n\tc: 2\n\td: 3\n').filter((line) => line.includes('Tabs'))).toEqual([
      expect.stringContaining('a.yaml:2:1'),
    ]);
  });

  test.each([
    ['{{- if .Values.on }}\nkind: VirtualService\nspec:\n  hosts: [{{ .Values.host }}]\n{{- end }}\n'],
    ['kind: VirtualService\nmetadata: { name: {{ .Release.Name }}-x }\n'],
    ['{% if on %}\nkind: VirtualService\n{% endif %}\n'],
  ])('a template that was not rendered is told as such, once: %j', (text) => {
    expect(parseYaml(text, 'a.yaml').diagnostics).toEqual([
      expect.objectContaining({ code: 'yaml-syntax', remedy: expect.stringContaining('template') }),
    ]);
  });

  test('an unknown tag is only a warning', () => {
    const file = parseYaml('a: !thing x\n', 'a.yaml');
    expect(file.readable).toBe(true);
    expect(file.diagnostics.map(({ code, refused }) => [code, refused])).toEqual([['yaml-warning', false]]);
  });
});

describe('limits', () => {
  const bomb = ['a: &a [x, x, x, x, x, x, x, x, x, x]']
    .concat([...'bcdefghi'].map((name, i) => `${name}: &${name} [${Array(10).fill(`*${'abcdefgh'[i]}`).join(', ')}]`))
    .join('\n');

  test.each([
    ['a billion laughs', bomb],
    ['10,000 brackets within each other', `a: ${'['.repeat(10_000)}`],
    ['10,000 closed brackets', `a: ${'['.repeat(10_000)}${']'.repeat(10_000)}`],
    ['10,000 dashes on a line', `${'- '.repeat(10_000)}a\n`],
    ['1,000 levels by indentation', Array.from({ length: 1000 }, (_, i) => `${' '.repeat(i)}a:`).join('\n')],
    ['150 levels in brackets', `a: ${'{b: '.repeat(150)}1${'}'.repeat(150)}`],
    ['a file of brackets alone', `a: ${'[]'.repeat(1_000_000)}`],
    ['a file of quotation marks alone', '"'.repeat(1_000_000)],
    ['a file of odd line ends alone', 'a: b\r\n# c\r\n'.repeat(500_000)],
    ['too many documents', 'a: 1\n---\n'.repeat(MAX_DOCUMENTS + 1)],
  ])('%s is refused as a whole', (_, text) => {
    const file = parseYaml(text, 'a.yaml');
    expect(file.diagnostics.map(({ code }) => code)).toEqual(['yaml-limit']);
    expect(file.documents).toEqual([]);
    expect(file.readable).toBe(false);
  });

  test.each([
    ['blank lines', '\n'.repeat(2_000_000)],
    ['blanks', ' '.repeat(2_000_000)],
    ['comments', '# x\n'.repeat(500_000)],
    ['a long comment', `a: b${' '.repeat(2_000_000)}# c`],
    ['a long word, longer than files usually may be', `a: ${'b'.repeat(11_000_000)}`],
    ['blanks between words', `a: b${`${' '.repeat(1000)}c`.repeat(2000)}`],
  ])('a large file of %s is read in no time', (_, text) => {
    expect(parseYaml(text, 'a.yaml').diagnostics).toEqual([]);
  });

  test('honest reuse of anchors is within them', () => {
    expect(parseYaml(`a: &a {x: 1}\nb: [${Array(500).fill('*a').join(', ')}]\n`, 'a.yaml').readable).toBe(true);
  });
});

describe('places', () => {
  const text = `# a comment
kind: First
---
kind: VirtualService
metadata:
  name: web
spec:
  http:
    - name: one
      match:
        - uri: {prefix: /v1}
      direct_response: {status: 200}
      route:
`;
  const origin = parseYaml(text, 'shop/web.yaml').documents[1]?.origin;
  const at = (path: (string | number)[], of?: 'key' | 'value'): string => {
    const place = origin?.locate(path, of);
    return `${place?.file}:${place?.line}:${place?.column}`;
  };

  test.each([
    [['kind'], 'shop/web.yaml:4:7'],
    [['spec', 'http', 0, 'name'], 'shop/web.yaml:9:13'],
    [['spec', 'http', 0, 'match', 0, 'uri', 'prefix'], 'shop/web.yaml:11:25'],
    [['spec', 'http', 0, 'directResponse', 'status'], 'shop/web.yaml:12:33'],
    [['spec', 'http', 0, 'route'], 'shop/web.yaml:13:7'],
    [['spec', 'http', 0, 'timeout'], 'shop/web.yaml:9:7'],
    [['spec', 'http', 7], 'shop/web.yaml:9:5'],
    [['spec', 'tcp', 0], 'shop/web.yaml:8:3'],
    [['nowhere'], 'shop/web.yaml:4:1'],
    [[], 'shop/web.yaml:4:1'],
  ])('%j stands at %s', (path, expected) => {
    expect(at(path)).toBe(expected);
  });

  test('the key of a field can be asked for', () => {
    expect(at(['spec', 'http', 0, 'match'], 'key')).toBe('shop/web.yaml:10:7');
  });

  test('items of a List know where they stand', () => {
    const items = parseYaml('kind: List\nitems:\n  - kind: A\n    spec: {a: 1}\n', 'l.yaml').documents;
    expect(items[0]?.origin.locate(['spec', 'a'])).toEqual({ file: 'l.yaml', line: 4, column: 15 });
  });
});

test('documents whose text and place did not change keep their identity', () => {
  const before = parseYaml('a: 1\n---\nb: 2\n---\nc: 3\n', 'a.yaml');
  const after = parseYaml('a: 1\n---\nb: 5\n---\nc: 3\n', 'a.yaml', before);
  expect(after.documents[0]).toBe(before.documents[0]);
  expect(after.documents[1]).not.toBe(before.documents[1]);
  expect(after.documents[2]).toBe(before.documents[2]);
  const moved = parseYaml('# new\na: 1\n---\nb: 2\n', 'a.yaml', before);
  expect(moved.documents[0]?.origin.locate([]).line).toBe(2);
});
