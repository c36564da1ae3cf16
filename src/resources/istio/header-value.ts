/** Where in a format string one is: in plain text, or in which part of `%NAME(argument, …)%`. */
type Part = 'text' | 'name' | 'arguments' | 'string' | 'behind string' | 'list' | 'behind list' | 'behind arguments';

/** What may follow in each part, by character; `other`: any other character. What is not listed is a mistake. Spaces are passed over between the parts. */
const NEXT: Readonly<Record<Part, Readonly<Record<string, Part>>>> = {
  text: { '%': 'name', other: 'text' },
  name: { '%': 'text', '(': 'arguments', other: 'name' },
  arguments: { ' ': 'arguments', '[': 'list', other: 'string' },
  string: { ')': 'behind arguments', '"': 'behind string', other: 'string' },
  'behind string': { ' ': 'behind string', ',': 'list', ']': 'behind list' },
  list: { ' ': 'list', '"': 'string' },
  'behind list': { ' ': 'behind list', ')': 'behind arguments' },
  'behind arguments': { ' ': 'behind arguments', '%': 'text' },
};

/**
 * What keeps a value from being one of Envoy's format strings: `%` must be doubled, or begin `%VAR%` or `%VAR(…)%`.
 * Which variables there are is not looked at (istio-semantics §10.1). undefined: nothing.
 */
export function headerValueMistake(value: string): string | undefined {
  if (/[\u0000-\u0008\u000A-\u001F\u007F]/.test(value)) return 'has control characters';
  let part: Part = 'text';
  for (let at = 0; at < value.length; at++) {
    const character = value[at] ?? '';
    if (part === 'text' && character === '%' && value[at + 1] === '%') at++;
    else if (part === 'string' && character === '\\') {
      if (++at === value.length) return UNFINISHED;
    } else {
      const next: Part | undefined = NEXT[part][character] ?? NEXT[part]['other'];
      if (next === undefined)
        return `has ${JSON.stringify(character)} where a variable such as %REQ(name)% cannot have it; write %% for a percent sign`;
      part = next;
    }
  }
  return part === 'text' ? undefined : UNFINISHED;
}

const UNFINISHED = 'has a variable that does not end; write %% for a percent sign';
