import type { PolicyMark, RequestRecord } from '../../src/contract/index.ts';

/** What JSON lets stand: a terminal takes U+009B for the beginning of a command, and some readers U+2028 for the end of a line (edge-security G-01). */
const CONTROLS = /[\u007f-\u009f\u2028\u2029]/g;
/** Nothing but ASCII, as nearly all lines are: told in a fraction of the time that the expression takes. */
const isPlain = (line: string): boolean => Buffer.byteLength(line) === line.length && !line.includes('\u007f');
const asUnicode = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** JSON as a line that stays one, whatever reads it. */
export const oneLine = (json: string): string => `${isPlain(json) ? json : json.replaceAll(CONTROLS, asUnicode)}\n`;

let second = Number.NaN;
let untilSecond = '';

/** As `toISOString`, which is dear; all but the milliseconds is made once a second. */
export function isoTime(ms: number): string {
  const whole = Math.floor(ms / 1_000);
  if (whole !== second) {
    second = whole;
    untilSecond = new Date(whole * 1_000).toISOString().slice(0, -4);
  }
  const rest = Math.floor(ms) - whole * 1_000;
  return `${untilSecond}${rest < 10 ? '00' : rest < 100 ? '0' : ''}${rest}Z`;
}

export const orNull = (value: string): string | null => (value === '' ? null : value);
export const flagsOf = (flags: readonly string[]): string => (flags.length === 0 ? '-' : flags.join(','));
export const ownerOf = (owner: RequestRecord['owner']): string | null =>
  owner === undefined ? null : `${owner.kind}/${owner.name}`;
export const markLines = (marks: readonly PolicyMark[] | undefined): readonly string[] | undefined =>
  marks?.map(({ kind, rule }) => `${kind} ${rule}`);

/* ---- of the text format */

export const quoted = (value: string | undefined): string => `"${isMissing(value) ? '-' : escaped(value)}"`;
export const bare = (value: string | undefined): string =>
  isMissing(value) ? '-' : escaped(value).replaceAll(' ', String.raw`\x20`);

const isMissing = (value: string | undefined): value is undefined | '' => value === undefined || value === '';

/** Control characters and quotes would forge lines or fields, as spaces would where no quotes are (edge-security G-01). */
const escaped = (value: string): string =>
  value.replaceAll(
    /[\p{Cc}\u0080-\u00ff"\\]/gu,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
