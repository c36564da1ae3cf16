import { headerSource, joinLines } from '../table/facts.ts';
import type { HeaderList } from './headers.ts';

/**
 * The values of a header as Envoy hands them to its filters: each line by itself, but joined by ',' for those of which it
 * keeps one value, such as `authorization` (istio-semantics §2.3, §6.1). `name` in lower case.
 */
export function headerLines(headers: HeaderList, name: string): readonly string[] {
  if (headerSource(name) !== 'joined') return headers.getAll(name);
  const joined = joinLines(headers, name);
  return joined === undefined ? [] : [joined];
}
