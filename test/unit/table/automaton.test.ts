import { describe, expect, it } from 'vitest';
import { examining, findText, toAutomaton } from '../../../src/table/automaton.ts';
import { bindRegex } from '../../../src/table/regex.ts';

/* How much is looked at to compare a team's patterns (edge-security M-07, M-08). */

const ALPHABET = Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i)).join('');

function automatonOf(pattern: string) {
  const { tree } = bindRegex(pattern);
  const automaton = tree === undefined ? undefined : toAutomaton(tree);
  if (automaton === undefined) throw new Error(`${pattern} is not understood`);
  return automaton;
}

const within = (narrow: string, broad: string) =>
  findText({ wanted: [automatonOf(narrow)], unwanted: [automatonOf(broad)], alphabet: ALPHABET }).kind;

describe('patterns of which many copies have to be kept apart', () => {
  it.each([
    ['/([a-z]{1,30}[0-9]?){20}x', '/([a-z]{1,30}[0-9]?){20}y'],
    ['/([a-z]{1,40}-?){20}x', '/([a-z]{1,40}-?){20}y'],
  ])('are not compared to the end: %s', (narrow, broad) => {
    expect(within(narrow, broad)).toBe('unknown');
  });

  it.each([
    ['/v[0-9]+/users/[^/]+', '/v[0-9]+/.*', 'none'],
    ['/v[0-9]+/.*', '/v[0-9]+/users/[^/]+', 'found'],
    ['/[a-z0-9-]+/[a-z0-9-]{1,63}/items/[0-9]{1,10}', '/[^/]+/[^/]+/items/.*', 'none'],
    ['/x[a-f0-9]{8}(-[a-f0-9]{4}){3}-[a-f0-9]{12}', '/x[a-f0-9-]{36}', 'none'],
  ] as const)('those that people write are: %s in %s', (narrow, broad, kind) => {
    expect(within(narrow, broad)).toBe(kind);
  });

  it('are looked at only so much in one examination, and that takes nothing from the next', () => {
    const hard = () => within('/([a-z]{1,30}[0-9]?){20}x', '/([a-z]{1,30}[0-9]?){20}y');
    const easy = () => within('/a.*', '/.*');
    examining(() => {
      expect(easy()).toBe('none');
      for (let i = 0; i < 30; i++) hard();
      expect(easy()).toBe('unknown');
      expect(examining(easy)).toBe('unknown');
    });
    expect(easy()).toBe('none');
    expect(examining(easy)).toBe('none');
  });
});
