import { CATALOGUE, type CatalogueEntry } from '../src/diagnostics/catalogue.ts';

const INTRODUCTION = `# Diagnostics

<!-- Generated from src/diagnostics/catalogue*.ts by scripts/generate-resources.ts; not to be edited. -->

Every finding has a code that stays, a place (file, line, column, field), a message with the value that is wrong, and says
what happens to traffic because of it and what to do.

| severity | meaning |
|---|---|
| error | some caller gets another answer than was configured |
| warning | the answer stands, but something is ignored |
| hint | all is well, but look |

`;

/** docs/diagnostics.md. */
export function diagnosticsPage(): string {
  const entries = Object.entries(CATALOGUE as Readonly<Record<string, CatalogueEntry>>).toSorted(([a], [b]) =>
    a < b ? -1 : 1,
  );
  return `${INTRODUCTION}${entries.map(([code, entry]) => section(code, entry)).join('\n')}\n${istioTable(entries)}`;
}

const section = (code: string, { severity, summary, consequence, remedy, istio }: CatalogueEntry): string =>
  [
    `## ${code}`,
    '',
    `${severity}${istio === undefined ? '' : `, Istio: ${istio}`}. ${summary}`,
    '',
    `- What happens: ${consequence}`,
    `- What to do: ${remedy}`,
    '',
  ].join('\n');

/** By the codes that people know from \`istioctl analyze\`. */
function istioTable(entries: readonly (readonly [string, CatalogueEntry])[]): string {
  const codes = new Map<string, string[]>();
  for (const [code, { istio = '' }] of entries) {
    for (const theirs of istio.split('/').filter((part) => part !== ''))
      codes.set(theirs, [...(codes.get(theirs) ?? []), code]);
  }
  const rows = [...codes]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([theirs, ours]) => `| ${theirs} | ${ours.map(link).join(', ')} |`);
  return ['## Codes of istioctl analyze', '', '| Istio | here |', '|---|---|', ...rows, ''].join('\n');
}

const link = (code: string): string => `[${code}](#${code})`;
