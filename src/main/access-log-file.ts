import { constants } from 'node:fs';
import { access, mkdir, open, stat } from 'node:fs/promises';
import path from 'node:path';
import { usageError } from '../cli/terminal.ts';
import type { Settings } from '../settings.ts';

/**
 * A gateway ought not to start whose requests nobody would ever read about: a file that cannot be opened ends it. What fails
 * later, such as a full disk, loses lines and is told, and ends nothing.
 */
export async function checkAccessLogFile({ accessLog, accessLogFile }: Settings): Promise<void> {
  if (accessLog === 'off' || accessLogFile === undefined || accessLogFile === '-') return;
  await tryToOpen(accessLogFile).catch((error: NodeJS.ErrnoException) => {
    throw usageError(
      `the access log cannot be written to ${accessLogFile}: ${REASONS[error.code ?? ''] ?? error.message}`,
      'name a file that this user may write by --access-log-file, or leave it out for standard output',
    );
  });
}

const REASONS: Readonly<Record<string, string>> = {
  EISDIR: 'it is a directory',
  ENOTDIR: 'a part of its path is no directory',
  EEXIST: 'a part of its path is no directory',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENXIO: 'it is a socket',
};

/** As the log's own writer does: with the directories that lead there, at the end of what is there. */
async function tryToOpen(file: string): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  const known = await stat(file).catch(() => undefined);
  // Opening a pipe would wait for its reader, who may come later.
  if (known?.isFIFO() === true) return access(file, constants.W_OK);
  await (await open(file, 'a')).close();
}
