import type { HeaderList } from '../contract/headers.ts';
import type { HeaderOperations } from '../table/model.ts';
import { type FormatFacts, formatHeaderValue } from './header-format.ts';
import { appendValue, type KeepsOneValue } from './one-value.ts';

/** Has it anything to do? Most have not, and the facts that they would be told take some gathering. */
export const operates = ({ remove, set, add }: HeaderOperations): boolean =>
  remove.length > 0 || set.length > 0 || add.length > 0;

/**
 * One evaluation of `headers` (istio-semantics §2.11): all removes, then every value is formatted against the headers
 * as they are then, then sets, then adds. A value that comes out empty does nothing.
 */
export function applyHeaderOperations(
  headers: HeaderList,
  operations: HeaderOperations,
  facts: FormatFacts,
  keepsOne: KeepsOneValue,
): void {
  for (const name of operations.remove) headers.remove(name);
  const sets = operations.set.map(([name, format]) => [name, formatHeaderValue(format, facts)] as const);
  const adds = operations.add.map(([name, format]) => [name, formatHeaderValue(format, facts)] as const);
  for (const [name, value] of sets) if (value !== '') headers.set(name, value);
  for (const [name, value] of adds) if (value !== '') appendValue(headers, name, value, keepsOne);
}
