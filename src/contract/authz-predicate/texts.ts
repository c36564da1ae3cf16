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
