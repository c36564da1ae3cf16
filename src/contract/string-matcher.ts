import type { StringMatch } from '../kernel/string-match.ts';
import { toBytes } from '../table/bytes.ts';
import { bindRegex } from '../table/regex.ts';

/**
 * A test for values of requests, which have one character a byte. Patterns are RE2, take the whole value, and cost time
 * linear to it; one that RE2 refuses fits nothing. For filters: made once per published setting, never per request.
 */
export function compileStringMatch(match: StringMatch): (value: string) => boolean {
  const text = toBytes(match.value);
  switch (match.kind) {
    case 'exact':
      return (value) => value === text;
    case 'prefix':
      return (value) => value.startsWith(text);
    case 'suffix':
      return (value) => value.endsWith(text);
    case 'regex': {
      const regex = bindRegex(match.value);
      return (value) => regex.matches(value);
    }
  }
}
