import type { ObjectRef } from '../diagnostics/diagnostic.ts';
import type { Resource } from '../resources/kinds.ts';
import type { FileContent } from './file-state.ts';

export const keyOf = (ref: ObjectRef): string => `${ref.kind}/${ref.namespace}/${ref.name}`;

/**
 * The objects that stay in service although the file no longer gives them, because one of its refused documents may be
 * their new version: that of the same name; or, where a refused document has no name or one that was not there before
 * (the name itself may be what is misspelt), any. What is plainly taken out of a sound file goes.
 *
 * `before`: what the file gave last, kept objects included. `departed`: what files gave that are gone since: a file
 * that is renamed and broken in one step keeps what it said under its old name.
 */
export function keepLastGood(
  content: FileContent,
  before: readonly Resource[],
  departed: ReadonlyMap<string, Resource>,
): readonly Resource[] {
  if (content.refusals.length === 0) return NONE;
  const given = new Set(content.objects.map((object) => keyOf(object.ref)));
  const gaveBefore = new Set(before.map((object) => keyOf(object.ref)));
  const refused = content.refusals.map((ref) => (ref === undefined ? undefined : keyOf(ref)));
  const anyone = refused.some((key) => key === undefined || !(gaveBefore.has(key) || departed.has(key)));
  const kept = before.filter(
    (object) => !given.has(keyOf(object.ref)) && (anyone || refused.includes(keyOf(object.ref))),
  );
  for (const key of new Set(refused)) {
    const object = key === undefined || given.has(key) || gaveBefore.has(key) ? undefined : departed.get(key);
    if (object !== undefined) kept.push(object);
  }
  return kept;
}

const NONE: readonly Resource[] = Object.freeze([]);
