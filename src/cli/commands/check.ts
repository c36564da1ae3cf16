import { readFileSync } from 'node:fs';
import path from 'node:path';
import {
  type Diagnostic,
  diagnosticJson,
  formatDiagnostic,
  githubAnnotation,
  type Severity,
  type SourceLocation,
} from '../../diagnostics/index.ts';
import { compareNumbers, compareStrings } from '../../kernel/compare.ts';
import type { Settings } from '../../settings.ts';
import { type LoadedRoutes, loadRoutes } from '../load.ts';
import type { CliHost } from '../program.ts';
import { type Terminal, usageError } from '../terminal.ts';

export interface CheckOptions {
  readonly output: 'text' | 'json' | 'github';
  readonly include?: readonly string[];
  readonly quiet?: boolean;
  readonly maxWarnings?: string;
}

/** `banyan check`: 1 when there are errors, or more warnings than are allowed. */
export async function check(settings: Settings, options: CheckOptions, host: CliHost): Promise<number> {
  const mostWarnings = readMostWarnings(options.maxWarnings);
  const loaded = await loadRoutes(settings, host, options.include);
  const findings = inReadingOrder(loaded.diagnostics);
  const counts = { error: 0, warning: 0, hint: 0 };
  for (const { severity } of findings) counts[severity]++;
  const shown = options.quiet ? findings.filter((finding) => finding.severity === 'error') : findings;
  write(shown, options.output, loaded.dir ?? '', host.terminal);
  if (options.output === 'text' && !(options.quiet && shown.length === 0))
    host.terminal.err(summary(loaded, counts, host.terminal));
  const tooMany = mostWarnings !== undefined && counts.warning > mostWarnings;
  if (tooMany && counts.error === 0) host.terminal.err(`more than ${mostWarnings} warnings: exit code 1\n`);
  return counts.error > 0 || tooMany ? 1 : 0;
}

function readMostWarnings(text: string | undefined): number | undefined {
  if (text === undefined || /^\d+$/.test(text)) return text === undefined ? undefined : Number(text);
  throw usageError(`--max-warnings: '${text}' is not a whole number`);
}

/** File by file and down each; what has no place comes last. */
const inReadingOrder = (findings: readonly Diagnostic[]): readonly Diagnostic[] =>
  [...findings].sort(
    ({ location: a }, { location: b }) =>
      compareStrings(a?.file ?? '\uffff', b?.file ?? '\uffff') ||
      compareNumbers(a?.line ?? 0, b?.line ?? 0) ||
      compareNumbers(a?.column ?? 0, b?.column ?? 0),
  );

function write(findings: readonly Diagnostic[], output: CheckOptions['output'], dir: string, terminal: Terminal): void {
  switch (output) {
    case 'json':
      terminal.out(`${JSON.stringify({ diagnostics: findings.map(diagnosticJson) }, null, 1)}\n`);
      return;
    case 'github':
      // GitHub looks for files from the root of the repository, where its steps run.
      terminal.out(findings.map((finding) => `${githubAnnotation(finding, path.relative('', dir))}\n`).join(''));
      return;
    case 'text': {
      const palette = paletteOf(terminal);
      const source = sourceIn(dir);
      terminal.out(
        findings
          .map((finding) => {
            const options = UNREAD.has(finding.code) ? { palette } : { palette, source };
            return `${formatDiagnostic(fromHere(finding, dir), options)}\n\n`;
          })
          .join(''),
      );
      return;
    }
  }
}

/** There is a reason why these are not read: a pipe has no end, and what a link leads to may be nobody's business. */
const UNREAD: ReadonlySet<string> = new Set(['file-unreadable', 'link-not-followed', 'file-passed-over', 'yaml-limit']);

const paletteOf = ({ paint }: Terminal) => ({
  error: (text: string) => paint('red', text),
  warning: (text: string) => paint('yellow', text),
  hint: (text: string) => paint('blue', text),
  strong: (text: string) => paint('bold', text),
  faint: (text: string) => paint('dim', text),
});

/** With paths that the reader's terminal and editor can open. */
function fromHere(finding: Diagnostic, dir: string): Diagnostic {
  // An object of a cluster has no lines, and is no file.
  const moved = (location: SourceLocation): SourceLocation =>
    location.line === 0 ? location : { ...location, file: path.join(dir, location.file) };
  return {
    ...finding,
    ...(finding.location && { location: moved(finding.location) }),
    ...(finding.related && {
      related: finding.related.map((place) =>
        place.location === undefined ? place : { ...place, location: moved(place.location) },
      ),
    }),
  };
}

function sourceIn(dir: string): (file: string) => string | undefined {
  const texts = new Map<string, string | undefined>();
  return (file) => {
    if (!texts.has(file)) texts.set(file, path.relative(dir, file).startsWith('..') ? undefined : readText(file));
    return texts.get(file);
  };
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function summary(
  { resources, place }: LoadedRoutes,
  counts: Readonly<Record<Severity, number>>,
  { paintError }: Terminal,
): string {
  const plural = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`;
  const found = (['error', 'warning', 'hint'] as const)
    .filter((severity) => counts[severity] > 0)
    .map((severity) => plural(counts[severity], severity));
  const objects = plural(resources.size, 'resource');
  if (found.length === 0) return `${paintError('green', '✔')} ${objects} in ${place}, nothing to find fault with\n`;
  const mark = counts.error > 0 ? paintError('red', '✖') : paintError('yellow', '⚠');
  return `${mark} ${found.join(', ')}; ${objects} in service from ${place}\n`;
}
