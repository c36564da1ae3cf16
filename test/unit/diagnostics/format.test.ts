import { describe, expect, test } from 'vitest';
import {
  diagnosticJson,
  formatDiagnostic,
  githubAnnotation,
  type Palette,
  report,
} from '../../../src/diagnostics/index.ts';

const finding = report('unknown-field', {
  message: 'There is no field "timout" in http.',
  remedy: 'Did you mean timeout?',
  object: { kind: 'VirtualService', namespace: 'shops', name: 'cart' },
  field: ['spec', 'http', 0, 'timout'],
  location: { file: 'shops/cart.yaml', line: 3, column: 5 },
  refused: true,
});
const source = (text: string) => (file: string) => (file === 'shops/cart.yaml' ? text : undefined);

describe('as text', () => {
  test('with the line, a caret under the word, the effect and the remedy', () => {
    expect(formatDiagnostic(finding, { source: source('spec:\n  http:\n  - timout: 5s\n') })).toBe(
      [
        'shops/cart.yaml:3:5: error[unknown-field] There is no field "timout" in http.',
        '  3 |   - timout: 5s',
        '    |     ^^^^^^',
        '  VirtualService shops/cart, spec.http[0].timout',
        '  effect: The document is not applied; its last good version, if there is one, stays in service.',
        '  remedy: Did you mean timeout?',
      ].join('\n'),
    );
  });

  test('without the source, without place, with a witness and another place', () => {
    const other = {
      message: 'this one wins',
      object: { kind: 'VirtualService', namespace: 'a', name: 'b' },
      location: { file: 'a/b.yaml', line: 9, column: 1 },
    };
    expect(
      formatDiagnostic(
        report('overlap', { message: 'Two rules.', witness: 'GET http://a/b', related: [other, { message: 'see' }] }),
      ),
    ).toBe(
      [
        'hint[overlap] Two rules.',
        '  effect: The one that stands first answers.',
        '  remedy: See whether the winner is the one you mean; the witness is a request that both match.',
        '  request: GET http://a/b',
        '  see: a/b.yaml:9:1 VirtualService a/b: this one wins',
        '  see: see',
      ].join('\n'),
    );
  });

  test.each([
    ['a quoted text is underlined as a whole', '\n\n    "a b": 1', '    ^^^^^'],
    ['tabs before the place stay tabs', '\n\n\t\t\t\tx: 1', '\t\t\t\t^'],
    ['a place behind the end of its line', '\n\nab\n', '  ^'],
    ['a bracket', '\n\n    {a: 1}', '    ^'],
  ])('%s', (_, text, caret) => {
    expect(formatDiagnostic(finding, { source: source(text) }).split('\n')[2]).toBe(`    | ${caret}`);
  });

  test.each([
    ['a line that is not there', 'a\n'],
    ['an empty text', ''],
  ])('%s is left out', (_, text) => {
    expect(formatDiagnostic(finding, { source: source(text) })).not.toContain('|');
  });

  test('a long line is cut around the place', () => {
    const far = { ...finding, location: { file: 'shops/cart.yaml', line: 1, column: 5001 } };
    const [, line = '', caret = ''] = formatDiagnostic(far, {
      source: source(`${' '.repeat(5000)}word ${'x'.repeat(5000)}`),
    }).split('\n');
    expect(line.length).toBeLessThan(200);
    expect(line.slice(caret.indexOf('^'), caret.lastIndexOf('^') + 1)).toBe('word');
  });

  test('nothing that a team wrote reaches the terminal as a command', () => {
    const hostile = {
      ...finding,
      message: 'a\u001B[2Jb',
      field: ['\u009B31m'],
      location: { file: 'shops/cart.yaml', line: 1, column: 1 },
    };
    const text = formatDiagnostic(hostile, { source: source('\u001B]0;x\u0007') });
    expect(text).toContain('a\\x1b[2Jb');
    expect(text).toContain('1 | ·]0;x·');
    expect([...text].some((character) => character !== '\n' && /[\u0000-\u001F\u007F-\u009F]/.test(character))).toBe(
      false,
    );
  });

  test('in the colours that are handed in', () => {
    const tag = (name: string) => (text: string) => `<${name}>${text}</${name}>`;
    const palette: Palette = { error: tag('e'), warning: tag('w'), hint: tag('h'), strong: tag('s'), faint: tag('f') };
    const [first, , caret] = formatDiagnostic(finding, { palette, source: source('\n\n    x') }).split('\n');
    expect(first).toBe('<s>shops/cart.yaml:3:5</s>: <e>error[unknown-field]</e> There is no field "timout" in http.');
    expect(caret).toBe('  <f>  |</f>     <e>^</e>');
  });
});

test('as JSON: flat, with the field as text', () => {
  expect(
    diagnosticJson({ ...finding, related: [{ message: 'm', location: { file: 'f', line: 1, column: 2 } }] }),
  ).toEqual({
    severity: 'error',
    code: 'unknown-field',
    message: 'There is no field "timout" in http.',
    consequence: finding.consequence,
    remedy: 'Did you mean timeout?',
    refused: true,
    file: 'shops/cart.yaml',
    line: 3,
    column: 5,
    field: 'spec.http[0].timout',
    object: 'VirtualService shops/cart',
    related: [{ message: 'm', file: 'f', line: 1, column: 2 }],
  });
  expect(Object.keys(diagnosticJson(report('overlap', { message: 'm' })))).toEqual([
    'severity',
    'code',
    'message',
    'consequence',
    'remedy',
    'refused',
  ]);
});

describe('as an annotation of GitHub', () => {
  test('with its place', () => {
    expect(githubAnnotation(finding, 'routes')).toBe(
      '::error file=routes/shops/cart.yaml,line=3,col=5,title=unknown-field::There is no field "timout" in http.%0AThe document is not applied; its last good version, if there is one, stays in service.%0ADid you mean timeout?',
    );
  });

  test.each([
    ['error', '::error title=overlap::'],
    ['warning', '::warning title=overlap::'],
    ['hint', '::notice title=overlap::'],
  ] as const)('%s', (severity, start) => {
    expect(githubAnnotation(report('overlap', { message: 'm', severity }))).toContain(start);
  });

  test('no text of a team ends it, or begins another', () => {
    const hostile = {
      ...finding,
      message: 'a\n::set-env name=x::y 100%\r',
      location: { file: 'a,b:c%\n.yaml', line: 1, column: 1 },
    };
    const text = githubAnnotation(hostile);
    expect(text).not.toMatch(/[\r\n]/);
    expect(text).toContain('file=a%2Cb%3Ac%25%0A.yaml,line=1');
    expect(text).toContain('::a%0A::set-env name=x::y 100%25%0D%0A');
  });
});
