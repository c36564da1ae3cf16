import { describe, expect, it } from 'vitest';
import {
  type Resource,
  type ResourceKind,
  type ResourceSet,
  resourceSet,
  withObject,
} from '../../../src/resources/index.ts';

const AGES = [3, 1, 2, 1];

function object(kind: ResourceKind, name: string, edition = 0): Resource {
  const namespace = `team-${name.length}`;
  const meta = { namespace, name, labels: {}, annotations: {}, creationTimestampMs: AGES[name.length % 4] ?? 0 };
  return { kind, apiVersion: 'v1', meta, ref: { kind, namespace, name }, body: { edition } } as unknown as Resource;
}

const many = (kind: ResourceKind, count: number): readonly Resource[] =>
  Array.from({ length: count }, (_, i) => object(kind, `${'x'.repeat(i % 7)}${i}`));

/** All that a set says, of objects of two kinds. */
const contents = (set: ResourceSet, objects: readonly Resource[]) => ({
  size: set.size,
  lists: [set.ofKind('VirtualService'), set.ofKind('Service'), set.ofKind('Pod')],
  found: objects.map(({ kind, meta }) => set.get(kind, meta.namespace, meta.name)),
});

describe('the next set of resources', () => {
  const first = [...many('VirtualService', 150), ...many('Service', 20)];

  it.each([
    ['one is another', (list: readonly Resource[]) => list.with(70, object('VirtualService', 'x70', 1))],
    [
      'one has another age',
      (list: readonly Resource[]) =>
        list.with(70, {
          ...(list[70] as Resource),
          meta: { ...(list[70] as Resource).meta, creationTimestampMs: 9 },
        } as Resource),
    ],
    ['one comes', (list: readonly Resource[]) => [...list, object('VirtualService', 'new')]],
    ['the first of its kind comes', (list: readonly Resource[]) => [object('Pod', 'new'), ...list]],
    ['one goes', (list: readonly Resource[]) => list.toSpliced(33, 1)],
    ['all of a kind go', (list: readonly Resource[]) => list.slice(0, 150)],
    ['most are others', (list: readonly Resource[]) => list.map(({ kind, meta }) => object(kind, meta.name, 1))],
    [
      'two change places',
      (list: readonly Resource[]) => list.with(3, list[4] as Resource).with(4, list[3] as Resource),
    ],
    ['none is left', () => []],
    ['nothing changes', (list: readonly Resource[]) => [...list]],
  ])('says what one without a past says: %s', (_what, edit) => {
    const before = resourceSet(first);
    contents(before, first);
    const next = edit(first);
    const asked = [...first, ...next];
    expect(contents(resourceSet(next, before), asked)).toEqual(contents(resourceSet(next.toReversed()), asked));
    expect(contents(before, first)).toEqual(contents(resourceSet(first), first));
  });

  it('says so after many changes, each by itself', () => {
    let list: readonly Resource[] = first;
    let set = resourceSet(list);
    for (let i = 0; i < 300; i++) {
      const place = (i * 37) % list.length;
      const { kind, meta } = list[place] as Resource;
      list =
        i % 5 === 0
          ? [...list.toSpliced(place, 1), object(kind, `${meta.name}y`)]
          : list.with(place, object(kind, meta.name, i));
      set = resourceSet(list, set);
      set.get('VirtualService', 'team-2', 'x1');
    }
    expect(contents(set, [...first, ...list])).toEqual(contents(resourceSet(list), [...first, ...list]));
  });

  it.each([
    ['takes the place of that of its name', object('VirtualService', 'x1', 1)],
    ['comes besides', object('VirtualService', 'new')],
    ['is the first of its kind', object('Pod', 'new')],
  ])('is made from one more object, which %s', (_what, tried) => {
    const before = resourceSet(first);
    const others = first.filter(({ kind, meta }) => kind !== tried.kind || meta.name !== tried.meta.name);
    const asked = [...first, tried];
    expect(contents(withObject(before, tried), asked)).toEqual(contents(resourceSet([...others, tried]), asked));
    expect(contents(before, first)).toEqual(contents(resourceSet(first), first));
  });

  it('sees what changed in a list that was changed in place', () => {
    const list = [...first];
    const before = resourceSet(list);
    list[70] = object('VirtualService', 'x70', 1);
    expect(contents(resourceSet(list, before), list)).toEqual(contents(resourceSet([...list]), list));
  });

  it('keeps the lists of kinds of which nothing changed', () => {
    const before = resourceSet(first);
    const after = resourceSet(first.with(70, object('VirtualService', 'x70', 1)), before);
    expect(after.ofKind('Service')).toBe(before.ofKind('Service'));
    expect(after.ofKind('VirtualService')).not.toBe(before.ofKind('VirtualService'));
    const shuffled = resourceSet([...first].reverse(), before);
    expect(shuffled.ofKind('VirtualService')).toBe(before.ofKind('VirtualService'));
  });
});
