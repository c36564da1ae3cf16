/** Deeper than that nothing is parsed, as in protobuf, which reads tokens for Envoy (edge-security J-13.14). */
const MAX_DEPTH = 100;

export type JsonObject = Readonly<Record<string, unknown>>;

/**
 * A JSON object as tokens must have it: undefined for anything else, for members that stand twice anywhere in it
 * (edge-security J-09), and for what is nested too deep. Cost linear in the text.
 */
export function parseStrictObject(text: string): JsonObject | undefined {
  if (tooDeep(text)) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return hasDoubledMember(text) ? undefined : (value as JsonObject);
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** Where the string that begins at `start` ends, behind its closing quote. */
function stringEnd(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === BACKSLASH) i++;
    else if (code === QUOTE) return i + 1;
  }
  return text.length;
}

function tooDeep(text: string): boolean {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) i = stringEnd(text, i) - 1;
    else if ((code === OPEN_OBJECT || code === OPEN_LIST) && ++depth > MAX_DEPTH) return true;
    else if (code === CLOSE_OBJECT || code === CLOSE_LIST) depth--;
  }
  return false;
}

/** Of a text that is valid JSON: a string is a member's name where an object has just begun, or gone on after a comma. */
function hasDoubledMember(text: string): boolean {
  const open: (Set<string> | undefined)[] = [];
  let nameFollows = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    switch (code) {
      case OPEN_OBJECT:
        open.push(new Set());
        nameFollows = true;
        break;
      case OPEN_LIST:
        open.push(undefined);
        nameFollows = false;
        break;
      case CLOSE_OBJECT:
      case CLOSE_LIST:
        open.pop();
        nameFollows = false;
        break;
      case COMMA:
        nameFollows = open.at(-1) !== undefined;
        break;
      case QUOTE: {
        const end = stringEnd(text, i);
        const names = open.at(-1);
        if (nameFollows && names !== undefined) {
          const name = JSON.parse(text.slice(i, end)) as string;
          if (names.has(name)) return true;
          names.add(name);
          nameFollows = false;
        }
        i = end - 1;
        break;
      }
    }
  }
  return false;
}
