import { styleText } from 'node:util';

/** Where a command writes to, and what it may assume of the reader. */
export interface Terminal {
  /** What was asked for; one piece of text with its line breaks. */
  readonly out: (text: string) => void;
  /** What is said about it: progress, warnings, errors. */
  readonly err: (text: string) => void;
  /** Columns to fit into; undefined: no terminal, so that nothing is cut short for a program that reads it. */
  readonly width: number | undefined;
  /** Colours, where the reader has them and NO_COLOR does not forbid them. */
  readonly paint: (style: Style, text: string) => string;
  readonly paintError: (style: Style, text: string) => string;
}

export type Style = Parameters<typeof styleText>[0];

export const processTerminal: Terminal = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  get width() {
    return process.stdout.isTTY ? process.stdout.columns : undefined;
  },
  paint: (style, text) => styleText(style, text, { stream: process.stdout }),
  paintError: (style, text) => styleText(style, text, { stream: process.stderr }),
};

/** A failure with its exit code, told in one line and, where there is something to do, a second one. */
export class CliError extends Error {
  readonly exitCode: number;
  readonly hint: string | undefined;

  constructor(message: string, options: { readonly exitCode: number; readonly hint?: string | undefined }) {
    super(message);
    this.exitCode = options.exitCode;
    this.hint = options.hint;
  }
}

/** Wrong arguments or an unreadable input, as opposed to what was found in it. */
export const usageError = (message: string, hint?: string): CliError => new CliError(message, { exitCode: 2, hint });

/** What a team wrote, made harmless: no escape sequence of theirs reaches the reader's terminal. */
export const printable = (text: string): string =>
  text.replace(/[^\P{Cc}\t\n]/gu, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
