/** One of several by weight; the weights need not add up to anything in particular. `random` in [0, 1). */
export function pickByWeight<T extends { readonly weight: number }>(
  choices: readonly T[],
  random: () => number,
): T | undefined {
  if (choices.length < 2) return choices[0];
  const total = choices.reduce((sum, { weight }) => sum + weight, 0);
  let ticket = Math.floor(random() * total);
  for (const choice of choices) {
    ticket -= choice.weight;
    if (ticket < 0) return choice;
  }
  return choices[0];
}
