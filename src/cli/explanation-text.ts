import type { Answer, Upstream } from '../admin/views/answer.ts';
import type { ExplainedCandidate, Explanation } from '../admin/views/explanation.ts';
import type { ExplainedValue } from '../admin/views/policy-values.ts';
import { unreachable } from '../kernel/assert.ts';
import { printable, type Terminal } from './terminal.ts';

/** More candidates than anybody reads; `--output json` has them all. */
const MOST_CANDIDATES = 40;

/** An explanation for people: what was asked, who might have answered, who does, and what happens then. */
export function explanationText(explanation: Explanation, terminal: Pick<Terminal, 'paint'>): string {
  const { paint } = terminal;
  const title = (text: string): string => paint('bold', text);
  const sections = [
    asked(explanation, title),
    candidates(explanation.candidates, paint),
    answer(explanation, title, paint),
    policies(explanation, title, paint),
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

type Title = (text: string) => string;
type Paint = Terminal['paint'];

const field = (name: string, text: string, width = 11): string => `  ${name.padEnd(width)}${printable(text)}`;

function asked({ question, listener, domains, path }: Explanation, title: Title): readonly string[] {
  const scheme = question.scheme ?? listener?.scheme ?? 'http';
  const [chosen, ...others] = domains;
  return [
    title(printable(`${question.method} ${scheme}://${question.authority}${question.path}${question.query}`)),
    ...(listener === undefined
      ? []
      : [
          field(
            'listener',
            `port ${listener.port}, ${listener.scheme}${listener.server === undefined ? '' : `, server ${listener.server}`}`,
          ),
        ]),
    ...(path === '' || path === question.path ? [] : [field('path', `${path} (normalised)`)]),
    ...(chosen === undefined
      ? []
      : [
          field(
            'host',
            `${chosen}${others.length === 0 ? '' : ` (${others.join(', ')} would fit as well, but the choice is final)`}`,
          ),
        ]),
  ];
}

function candidates(all: readonly ExplainedCandidate[], paint: Paint): readonly string[] {
  if (all.length === 0) return [];
  const winner = all.findIndex((candidate) => candidate.outcome === 'answers');
  const shown = all.map((candidate, i) => [candidate, i] as const).filter(([, i]) => isShown(i, winner, all.length));
  const width = Math.max(...shown.map(([candidate]) => printable(candidate.match).length));
  const lines = shown.flatMap(([candidate, i], n) => {
    const skipped = i - (shown[n - 1]?.[1] ?? -1) - 1;
    const gap = skipped > 0 ? [paint('dim', `     … ${skipped} more …`)] : [];
    return [...gap, ...candidateLines(candidate, i, Math.min(width, 48), paint)];
  });
  const rest = all.length - 1 - (shown.at(-1)?.[1] ?? 0);
  return [
    paint('bold', `Candidates, in the order they are tried`),
    ...lines,
    ...(rest > 0 ? [paint('dim', `     … ${rest} more …`)] : []),
  ];
}

/** All, or the first ones and those around the winner. */
const isShown = (i: number, winner: number, count: number): boolean =>
  count <= MOST_CANDIDATES ||
  i < 15 ||
  (winner >= 0 && Math.abs(i - winner) <= 7) ||
  (winner < 0 && i < MOST_CANDIDATES);

function candidateLines(candidate: ExplainedCandidate, index: number, width: number, paint: Paint): readonly string[] {
  const number = String(index + 1).padStart(3);
  const match = printable(candidate.match).padEnd(width);
  const where = printable(`${candidate.owner}  ${candidate.place}`);
  switch (candidate.outcome) {
    case 'answers':
      return [`${number} ${paint(['green', 'bold'], `✔ ${match}`)}  ${where}`];
    case 'shadowed':
    case 'unasked':
      return [`${number} ${paint('yellow', `– ${match}`)}  ${where}`, ...reasons(candidate, paint)];
    case 'lost':
      return [`${number} ${paint('dim', `✗ ${match}`)}  ${where}`, ...reasons(candidate, paint)];
  }
}

const reasons = (candidate: ExplainedCandidate, paint: Paint): readonly string[] =>
  candidate.reasons.map((reason) => paint('dim', `      ${printable(reason)}`));

function answer({ answer: given, route }: Explanation, title: Title, paint: Paint): readonly string[] {
  const owner =
    route === undefined
      ? []
      : [
          field('route', `${route.id}${route.name === '' ? '' : ` (${route.name})`}`),
          field('owner', `${route.kind} ${route.owner}`),
          field('place', route.place),
        ];
  return [`${title('Answer')}  ${headline(given, paint)}`, ...owner, ...details(given, paint)];
}

function headline(given: Answer, paint: Paint): string {
  switch (given.kind) {
    case 'no-connection':
      return paint('red', printable(`none: ${given.message}`));
    case 'bad-request':
    case 'not-found':
      return paint('red', printable(`${given.status}: ${given.message}`));
    case 'failed':
      return paint('red', printable(`${given.status} (${given.cause}): ${given.message}`));
    case 'redirect':
      return paint('cyan', printable(`${given.status} to ${given.location}`));
    case 'direct-response':
      return paint('cyan', `${given.status}, made by the route itself`);
    case 'forward':
      return paint('green', printable(`forwarded as ${given.authority}${given.target}`));
    case 'tcp':
      return paint('green', 'the connection is passed on as it is');
    default:
      return unreachable(given);
  }
}

function details(given: Answer, paint: Paint): readonly string[] {
  if (given.kind === 'tcp') return given.destinations.flatMap((upstream) => upstreamLines(upstream, paint));
  if (given.kind !== 'forward') return [];
  const { retries, timeoutMs, mirrors, sticky } = given;
  const perTry = retries?.perTryTimeoutMs === undefined ? '' : `, ${retries.perTryTimeoutMs} ms each`;
  return [
    ...given.rewrites.map((text) => field('rewrite', text)),
    field('timeout', timeoutMs === undefined ? 'none' : `${timeoutMs} ms`),
    ...(retries === undefined
      ? []
      : [field('retries', `${retries.attempts} more on ${retries.on.join(', ')}${perTry}`)]),
    ...mirrors.map((text) => field('mirror', text)),
    ...sticky.map((text) => field('sticky', text)),
    ...given.upstreams.flatMap((upstream) => upstreamLines(upstream, paint)),
  ];
}

function upstreamLines(upstream: Upstream, paint: Paint): readonly string[] {
  const how = [upstream.protocol, upstream.tls ? 'TLS' : undefined, upstream.loadBalancer].filter(
    (word) => word !== undefined,
  );
  const endpoints = upstream.endpoints.map(
    ({ address, port, weight, healthy }) =>
      `${address}:${port}${weight === 1 ? '' : ` weight ${weight}`}${healthy ? '' : ' (not ready)'}`,
  );
  return [
    field('upstream', `${upstream.share}  ${upstream.name}${how.length === 0 ? '' : `  (${how.join(', ')})`}`),
    ...upstream.rewrites.map((text) => field('', `rewrite ${text}`)),
    ...endpoints.map((text) => field('', text)),
    ...(upstream.problem === undefined ? [] : [paint('red', field('', upstream.problem))]),
  ];
}

function policies({ policies: all }: Explanation, title: Title, paint: Paint): readonly string[] {
  if (all.length === 0) return [];
  const lines = all.flatMap(({ filter, layer, sources, values, foreseen }) => {
    const told = foreseen.map((text) => paint('yellow', field('', text, 24)));
    if (values.length > 0)
      return [
        field(filter, layer === 'gateway' ? 'every request' : 'this route', 24),
        ...values.map(valueLine),
        ...told,
      ];
    const from = sources.map((source) => `${source.object} (${source.place})`).join(', ');
    const where = layer === 'gateway' ? 'every request' : 'this route';
    return [field(filter, `${where}${from === '' ? '' : `: ${from}`}`, 24), ...told];
  });
  return [title('Policies, asked before the answer'), ...lines];
}

/** `bodyBytes = 1048576   mandatory, gateway: EdgePolicy istio-system/base (istio-system/base.yaml:1)`. */
function valueLine({ name, value, layer, level, source, exemptions }: ExplainedValue): string {
  const lifted = exemptions.map(
    (exemption) =>
      `; ${exemption.expired ? 'was lifted' : 'lifted'} until ${exemption.until} by ${exemption.approver}, ${exemption.source.object} (${exemption.source.place})`,
  );
  const what = value === null ? `${name} removed` : `${name} = ${JSON.stringify(value)}`;
  const text = `${what}  ${level}, ${layer}: ${source.object} (${source.place})${lifted.join('')}`;
  return field('', text, 4);
}
