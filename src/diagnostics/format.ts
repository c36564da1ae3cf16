import {
  type Diagnostic,
  formatFieldPath,
  formatObjectRef,
  formatPlace,
  type RelatedPlace,
  type SourceLocation,
} from './diagnostic.ts';

/** How words are coloured. Plain functions, so that who prints decides whether there are colours at all. */
export interface Palette {
  readonly error: (text: string) => string;
  readonly warning: (text: string) => string;
  readonly hint: (text: string) => string;
  readonly strong: (text: string) => string;
  readonly faint: (text: string) => string;
}

const same = (text: string): string => text;
export const PLAIN_PALETTE: Palette = { error: same, warning: same, hint: same, strong: same, faint: same };

/** The text of a file, by the name that locations carry; undefined where it is not to be had. */
export type SourceText = (file: string) => string | undefined;

export interface FormatOptions {
  readonly palette?: Palette;
  readonly source?: SourceText;
}

/**
 * One finding for people:
 *
 * ```text
 * shops/cart.yaml:7:5: error[unknown-field] There is no field "timout" in http.
 *   7 |     timout: 5s
 *     |     ^^^^^^
 *   VirtualService shops/cart, spec.http[0].timout
 *   effect: The document is not applied; …
 *   remedy: Did you mean timeout?
 * ```
 */
export function formatDiagnostic(finding: Diagnostic, { palette = PLAIN_PALETTE, source }: FormatOptions = {}): string {
  const { severity, code, message, location, object, field, consequence, remedy, witness, related = [] } = finding;
  const place = location && formatLocation(location);
  const named = object && formatObjectRef(object);
  // Of an object of a cluster the place is its name, which need not be said twice.
  const where = [named !== place && named, field && field.length > 0 && formatFieldPath(field)].filter(Boolean);
  return [
    `${place === undefined ? '' : `${palette.strong(harmless(place))}: `}${palette[severity](`${severity}[${code}]`)} ${harmless(message)}`,
    ...(location === undefined ? [] : excerpt(location, source, palette[severity], palette.faint)),
    ...(where.length === 0 ? [] : [`  ${harmless(where.join(', '))}`]),
    `  ${palette.faint('effect:')} ${harmless(consequence)}`,
    `  ${palette.faint('remedy:')} ${harmless(remedy)}`,
    ...(witness === undefined ? [] : [`  ${palette.faint('request:')} ${harmless(witness)}`]),
    ...related.map((place) => `  ${palette.faint('see:')} ${harmless(formatRelated(place))}`),
  ].join('\n');
}

const formatLocation = (location: SourceLocation): string =>
  location.line === 0 ? formatPlace(location) : `${formatPlace(location)}:${location.column}`;

function formatRelated({ message, object, location }: RelatedPlace): string {
  const [place, named] = [location && formatLocation(location), object && formatObjectRef(object)];
  const where = [place, named !== place && named].filter(Boolean).join(' ');
  return where === '' ? message : `${where}: ${message}`;
}

/** Lines are cut to what a terminal shows. */
const WIDEST = 160;

function excerpt(
  location: SourceLocation,
  source: SourceText | undefined,
  mark: Palette['error'],
  faint: Palette['faint'],
): readonly string[] {
  const line = source === undefined || location.line === 0 ? undefined : lineOf(source(location.file), location.line);
  if (line === undefined) return [];
  const number = String(location.line);
  const start = Math.min(location.column - 1, line.length);
  const from = start < WIDEST - 40 ? 0 : start - 40;
  const shown = dotted(line.slice(from, from + WIDEST));
  const before = dotted(line.slice(from, start));
  const length = Math.max(1, Math.min(wordAt(line, start), WIDEST - (start - from)));
  return [
    `  ${faint(`${number} |`)} ${shown}`,
    `  ${faint(`${' '.repeat(number.length)} |`)} ${before.replace(/[^\t]/g, ' ')}${mark('^'.repeat(length))}`,
  ];
}

function lineOf(text: string | undefined, number: number): string | undefined {
  if (text === undefined) return undefined;
  let start = 0;
  for (let line = 1; line < number; line++) {
    const end = text.indexOf('\n', start);
    if (end === -1) return undefined;
    start = end + 1;
  }
  const end = text.indexOf('\n', start);
  return text.slice(start, end === -1 ? undefined : end).replace(/\r$/, '');
}

const COMMAND_CHARACTERS = /[\u0000-\u0008\u000B-\u001F\u007F-\u009F]/g;

/** What a terminal would take for a command is written out. */
const harmless = (text: string): string =>
  text.replace(COMMAND_CHARACTERS, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`);

/** The same, one character for each, so that carets stay in their columns. */
const dotted = (text: string): string => text.replace(COMMAND_CHARACTERS, '·');

/** How far the caret reaches: a quoted text, or a word. */
function wordAt(line: string, start: number): number {
  const quoted = /^(?:"(?:[^"\\]|\\.)*"|'(?:[^']|'')*')/.exec(line.slice(start))?.[0].length;
  return quoted ?? /^[^\s,:[\]{}]+/.exec(line.slice(start))?.[0].length ?? 1;
}

/** A finding as programs read it: flat, its field as text; what `banyan check --output json` prints. */
export function diagnosticJson(finding: Diagnostic): Readonly<Record<string, unknown>> {
  const { severity, code, message, consequence, remedy, refused, object, field, location, witness, related } = finding;
  return {
    severity,
    code,
    message,
    consequence,
    remedy,
    refused,
    ...(location !== undefined && placeJson(location)),
    ...(field !== undefined && { field: formatFieldPath(field) }),
    ...(object !== undefined && { object: formatObjectRef(object) }),
    ...(witness !== undefined && { witness }),
    ...(related !== undefined && {
      related: related.map(({ message: text, object: other, location: place }) => ({
        message: text,
        ...(other !== undefined && { object: formatObjectRef(other) }),
        ...(place !== undefined && placeJson(place)),
      })),
    }),
  };
}

const placeJson = (location: SourceLocation): Partial<SourceLocation> =>
  location.line === 0 ? { file: location.file } : location;

const COMMANDS = { error: 'error', warning: 'warning', hint: 'notice' } as const;

/** A line that GitHub Actions shows beside the line of the file. `root`: the directory that files are relative to. */
export function githubAnnotation(finding: Diagnostic, root = ''): string {
  const { severity, code, message, consequence, remedy, location } = finding;
  const isObject = location?.line === 0;
  const properties = [
    ...(location === undefined || isObject
      ? []
      : [
          `file=${property(root === '' ? location.file : `${root}/${location.file}`)}`,
          `line=${location.line}`,
          `col=${location.column}`,
        ]),
    `title=${property(code)}`,
  ];
  const said = isObject ? `${formatPlace(location)}: ${message}` : message;
  return `::${COMMANDS[severity]} ${properties.join(',')}::${data([said, consequence, remedy].join('\n'))}`;
}

const data = (text: string): string => text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
const property = (text: string): string => data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
