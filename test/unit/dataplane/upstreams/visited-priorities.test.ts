import { describe, expect, it } from 'vitest';
import { VisitedPriorities } from '../../../../src/dataplane/upstreams/visited-priorities.ts';

describe('the priorities that the next try keeps away from', () => {
  /** What is excluded before each try, when the tries go to these priorities in turn. */
  const seen = (usable: readonly number[], tries: readonly number[]): readonly (readonly number[])[] => {
    const visited = new VisitedPriorities();
    return tries.map((priority) => {
      const excluded = [...visited.excluded(usable)];
      visited.add(priority);
      return excluded;
    });
  };

  it.each([
    ['none before two tries', [0, 1], [0, 0], [[], []]],
    ['that of two tries', [0, 1], [0, 0, 1], [[], [], [0]]],
    ['the same until two more were made', [0, 1, 2], [0, 0, 1, 1, 2], [[], [], [0], [0], [0, 1]]],
    ['both of two', [0, 1, 2], [0, 1, 2], [[], [], [0, 1]]],
    ['none again when all were visited', [0, 1], [0, 0, 1, 1, 0, 0, 1], [[], [], [0], [0], [], [], [0]]],
    ['none where there is but one', [0], [0, 0, 0], [[], [], []]],
    ['none where nobody is usable', [], [0, 0, 0], [[], [], []]],
  ])('%s', (_title, usable, tries, expected) => expect(seen(usable, tries)).toEqual(expected));

  it('are the same however often it is asked', () => {
    const visited = new VisitedPriorities();
    visited.add(0);
    visited.add(0);
    expect([visited.excluded([0, 1]), visited.excluded([0, 1])]).toEqual([new Set([0]), new Set([0])]);
  });
});
