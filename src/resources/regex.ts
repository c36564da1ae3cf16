import { RE2JS } from 're2js';

/** In characters; longer ones are refused by Istio's admission (istio-semantics §2.3). */
export const MAX_REGEX_LENGTH = 1024;

/** What RE2 has against a pattern; undefined: nothing. */
export function regexMistake(pattern: string): string | undefined {
  if (pattern === '') return 'must not be empty';
  if (new TextEncoder().encode(pattern).length > MAX_REGEX_LENGTH) return `is longer than ${MAX_REGEX_LENGTH} bytes`;
  try {
    RE2JS.compile(pattern);
    return undefined;
  } catch (error) {
    return `is no regular expression in RE2 syntax: ${error instanceof Error ? error.message : String(error)}`;
  }
}
