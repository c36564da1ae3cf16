import { createHash } from 'node:crypto';
import { parse, stringify } from 'yaml';
import { filesBelow, type Manifest, parseAll, textOf } from './manifests.ts';

/*
 * As much of Helm's template language as our chart uses: paths, `if` with `else`, pipes and a handful of functions. It refuses
 * everything else, so that the templates stay this simple.
 */

export const defaultValues = (): Manifest => parse(textOf('chart/values.yaml')) as Manifest;

/** The objects that the chart comes to, as `helm template --namespace` would give them. */
export function renderChart(values: Manifest, namespace = 'banyan-system'): readonly Manifest[] {
  const chart = parse(textOf('chart/Chart.yaml')) as Manifest;
  const scope = { Values: values, Release: { Namespace: namespace }, Chart: { AppVersion: chart.appVersion } };
  return filesBelow('chart/templates').flatMap((file) => parseAll(renderText(textOf(file), scope), file));
}

type Node = string | { readonly action: string } | Branch;
interface Branch {
  readonly condition: string;
  readonly taken: Node[];
  readonly otherwise: Node[];
}

export const renderText = (text: string, scope: Manifest): string => write(parseNodes(text), scope);

function parseNodes(text: string): readonly Node[] {
  const root: Node[] = [];
  const open: { readonly branch: Branch; target: Node[] }[] = [];
  const target = (): Node[] => open.at(-1)?.target ?? root;
  let trimNext = false;
  let at = 0;
  for (const found of text.matchAll(/\{\{(-?)\s*(.*?)\s*(-?)\}\}/gs)) {
    let before = text.slice(at, found.index);
    if (trimNext) before = before.trimStart();
    if (found[1] === '-') before = before.trimEnd();
    target().push(before);
    trimNext = found[3] === '-';
    at = found.index + found[0].length;
    takeAction(found[2] as string, open, target());
  }
  if (open.length > 0) throw new Error('an if without end');
  root.push(trimNext ? text.slice(at).trimStart() : text.slice(at));
  return root;
}

function takeAction(action: string, open: { readonly branch: Branch; target: Node[] }[], target: Node[]): void {
  const innermost = open.at(-1);
  if (action.startsWith('/*')) return;
  if (action.startsWith('if ')) {
    const branch: Branch = { condition: action.slice(3), taken: [], otherwise: [] };
    target.push(branch);
    open.push({ branch, target: branch.taken });
  } else if (action === 'else' || action === 'end') {
    if (innermost === undefined) throw new Error(`${action} without an if`);
    if (action === 'end') open.pop();
    else innermost.target = innermost.branch.otherwise;
  } else target.push({ action });
}

const write = (nodes: readonly Node[], scope: Manifest): string =>
  nodes
    .map((node) => {
      if (typeof node === 'string') return node;
      if ('action' in node) return String(evaluate(node.action, scope));
      return write(isTrue(evaluate(node.condition, scope)) ? node.taken : node.otherwise, scope);
    })
    .join('');

/** What Go's templates take for true. */
const isTrue = (value: Manifest): boolean =>
  typeof value === 'object' && value !== null ? Object.keys(value).length > 0 : Boolean(value);

const FUNCTIONS: Readonly<Record<string, (...values: Manifest[]) => Manifest>> = {
  and: (...values) => values.find((value) => !isTrue(value)) ?? values.at(-1),
  not: (value) => !isTrue(value),
  ne: (a, b) => a !== b,
  default: (fallback, value) => (isTrue(value) ? value : fallback),
  quote: (value) => JSON.stringify(String(value)),
  toYaml: (value) => stringify(value, { lineWidth: 0, sortMapEntries: true }).trimEnd(),
  nindent: (count, text) => `\n${text}`.replaceAll('\n', `\n${' '.repeat(count)}`),
  sha256sum: (text) => createHash('sha256').update(text).digest('hex'),
};

function evaluate(pipeline: string, scope: Manifest): Manifest {
  let piped: Manifest[] = [];
  for (const command of pipeline.split(/\s*\|\s*/)) {
    const [first = '', ...rest] = command.split(/\s+/);
    const call = FUNCTIONS[first];
    if (call === undefined && (rest.length > 0 || piped.length > 0))
      throw new Error(`no function '${first}' in ${pipeline}`);
    piped = [call === undefined ? operand(first, scope) : call(...rest.map((word) => operand(word, scope)), ...piped)];
  }
  return piped[0];
}

/** Refuses a path that leads nowhere: Helm would print `<no value>`. */
function operand(word: string, scope: Manifest): Manifest {
  if (/^\d+$/.test(word)) return Number(word);
  if (/^".*"$/.test(word)) return JSON.parse(word);
  if (!/^(\.[A-Za-z]\w*)+$/.test(word)) throw new Error(`'${word}' is not understood`);
  let value = scope;
  for (const name of word.slice(1).split('.')) {
    if (!Object.hasOwn(value, name)) throw new Error(`there is no ${word}`);
    value = value[name];
  }
  return value;
}
