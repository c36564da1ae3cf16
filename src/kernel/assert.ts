/** For the end of an exhaustive switch: the compiler proves it is never reached, and at run time it says what came instead. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}

/** Our own mistakes are thrown, never reported to a team: a broken invariant of ours is nobody else's to mend. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`invariant broken: ${message}`);
}
