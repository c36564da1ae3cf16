import { expect, it } from 'vitest';
import { findingText } from '../../../src/control/finding-text.ts';
import { report } from '../../../src/diagnostics/index.ts';

const of = (message: string, ...field: readonly (string | number)[]): string =>
  findingText(report('invalid-value', { message, field }));

it.each([
  ['a finding about the object', of('It is empty.'), 'It is empty'],
  ['a field', of('"x" is no port.', 'spec', 'port'), 'spec.port: "x" is no port'],
  ['a field that the message names too', of('port: "x" is no port.', 'spec', 'port'), 'spec.port: "x" is no port'],
  ['a field whose name only begins so', of('portal: none', 'spec', 'port'), 'spec.port: portal: none'],
  ['a place in a list', of('0: none', 'spec', 'hosts', 0), 'spec.hosts[0]: none'],
  ['an ellipsis', of('one of a, b …', 'spec'), 'spec: one of a, b …'],
])('is one line among others: %s', (_, text, expected) => {
  expect(text).toBe(expected);
});
