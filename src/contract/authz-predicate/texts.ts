import { lowerAscii, toBytes } from '../../table/bytes.ts';

export type TextTest = (value: string) => boolean;

export interface TextOptions {
  /** The texts that are asked about come in lower case already. */
  readonly ignoreCase?: boolean;
  /** `*` asks for presence alone, so that an empty value fits too: headers (§6.3). */
  readonly emptyIsPresent?: boolean;
}

/**
 * Any of the value forms of §6.3: exact, `abc*`, `*abc`, `*`; anything else literally (`a*b`, and `*a*` is the suffix
 * `a*`). Exact ones cost the same however many there are.
 */
export function anyText(values: readonly string[], options: TextOptions = {}): TextTest {
  const exact = new Set<string>();
  const prefixes: string[] = [];
  const suffixes: string[] = [];
  let present = false;
  for (const value of values) {
    const text = options.ignoreCase === true ? lowerAscii(toBytes(value)) : toBytes(value);
    if (text === '*') present = true;
    else if (text.startsWith('*')) suffixes.push(text.slice(1));
    else if (text.endsWith('*')) prefixes.push(text.slice(0, -1));
    else exact.add(text);
  }
  const always = present && options.emptyIsPresent === true;
  return (value) => {
    if (always || exact.has(value) || (present && value !== '')) return true;
    for (const prefix of prefixes) if (value.startsWith(prefix)) return true;
    for (const suffix of suffixes) if (value.endsWith(suffix)) return true;
    return false;
  };
}

/**
 * The same forms for a header that is a list, such as `a,b`: an element between commas is one of them, letter by letter
 * and with its spaces; a form may hold commas itself, and the rest of a prefix or suffix may too, as in Istio's patterns.
 * `*` asks for presence alone.
 */
export function anyElement(values: readonly string[]): TextTest {
  const tests = values.map((value) => elementTest(toBytes(value)));
  return (text) => {
    const list = `,${text},`;
    return tests.some((fits) => fits(list));
  };
}

function elementTest(value: string): TextTest {
  if (value === '*') return () => true;
  const part = value.startsWith('*')
    ? `${value.slice(1)},`
    : value.endsWith('*')
      ? `,${value.slice(0, -1)}`
      : `,${value},`;
  return (text) => text.includes(part);
}
