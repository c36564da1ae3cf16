/**
 * What an unquoted word stands for: YAML 1.2's core schema, and before it what kubectl's parser reads otherwise, the
 * words and the whole numbers of YAML 1.1. In the order in which they are tried.
 */
export interface ScalarForm {
  readonly tag: 'null' | 'bool' | 'int' | 'float';
  readonly test: RegExp;
  readonly read: (text: string) => unknown;
}

const integer =
  (radix: number, skip: number) =>
  (text: string): number =>
    (text.startsWith('-') ? -1 : 1) * Number.parseInt(text.replaceAll('_', '').replace(/^[-+]/, '').slice(skip), radix);

export const KUBERNETES_FORMS: readonly ScalarForm[] = [
  { tag: 'bool', test: /^(?:y|Y|yes|Yes|YES|on|On|ON)$/, read: () => true },
  { tag: 'bool', test: /^(?:n|N|no|No|NO|off|Off|OFF)$/, read: () => false },
  { tag: 'int', test: /^[-+]?0[0-7_]*[0-7]$/, read: integer(8, 1) },
  { tag: 'int', test: /^[-+]?0b[01_]*[01]$/, read: integer(2, 2) },
  { tag: 'int', test: /^[-+]?[1-9][0-9]*(?:_[0-9]+)+$/, read: integer(10, 0) },
];

const CORE_FORMS: readonly ScalarForm[] = [
  { tag: 'null', test: /^(?:~|[Nn]ull|NULL)?$/, read: () => null },
  { tag: 'bool', test: /^(?:[Tt]rue|TRUE)$/, read: () => true },
  { tag: 'bool', test: /^(?:[Ff]alse|FALSE)$/, read: () => false },
  { tag: 'int', test: /^0o[0-7]+$/, read: (text) => Number.parseInt(text.slice(2), 8) },
  { tag: 'int', test: /^[-+]?[0-9]+$/, read: (text) => Number.parseInt(text, 10) },
  { tag: 'int', test: /^0x[0-9a-fA-F]+$/, read: (text) => Number.parseInt(text.slice(2), 16) },
  { tag: 'float', test: /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)[eE][-+]?[0-9]+$/, read: Number },
  { tag: 'float', test: /^[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*)$/, read: Number },
];

const FORMS = [...KUBERNETES_FORMS, ...CORE_FORMS];
/** Whatever begins otherwise is a text. */
const CANDIDATE = /^(?:[-+.0-9~]|y|yes|on|no?|off|true|false|null)/i;

/** Of words that are no number of YAML's odder kinds (`.inf`, `.nan`). */
export function readScalar(text: string): unknown {
  if (!CANDIDATE.test(text)) return text;
  const form = FORMS.find(({ test }) => test.test(text));
  return form === undefined ? text : form.read(text);
}
