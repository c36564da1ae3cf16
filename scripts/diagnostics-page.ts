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

/** Codes of `istioctl analyze` (istio-semantics §10.7) that no code here stands for, and why. */
export const WITHOUT_DIAGNOSTIC: readonly { readonly codes: readonly string[]; readonly why: string }[] = [
  { codes: ['IST0102', 'IST0103'], why: 'About sidecars, of which this gateway has none.' },
  {
    codes: ['IST0107', 'IST0108', 'IST0125', 'IST0135', 'IST0136'],
    why: 'About annotations. Few are read (`istio.io/dry-run`, `networking.istio.io/exportTo` and `…/traffic-distribution`); a wrong value of the first is refused as `invalid-value`.',
  },
  {
    codes: ['IST0109'],
    why: 'Two VirtualServices for one host in the mesh. At a gateway, where Istio says nothing, they are reported as `overlap` and `shadowed`.',
  },
  { codes: ['IST0116', 'IST0137'], why: 'About Deployments, which are not read.' },
  {
    codes: ['IST0151', 'IST0152', 'IST0153', 'IST0154', 'IST0155'],
    why: 'About EnvoyFilter, a kind that is not read: there is no Envoy.',
  },
  { codes: ['IST0165', 'IST0166'], why: 'About Gateways of the Gateway API, which is not read.' },
  {
    codes: ['IST0175'],
    why: 'The gateway fetches keys itself, and dials no address of its own host or of link-local networks for them, whatever a jwksUri says.',
  },
];

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
  const others = WITHOUT_DIAGNOSTIC.map(({ codes: theirs, why }) => `| ${theirs.join(', ')} | ${why} |`);
  return [
    '## Codes of istioctl analyze',
    '',
    '| Istio | here |',
    '|---|---|',
    ...rows,
    '',
    'Those that have none here:',
    '',
    '| Istio | why |',
    '|---|---|',
    ...others,
    '',
  ].join('\n');
}

const link = (code: string): string => `[${code}](#${code})`;
