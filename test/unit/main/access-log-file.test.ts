import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { checkAccessLogFile } from '../../../src/main/access-log-file.ts';
import type { Settings } from '../../../src/settings.ts';

const dir = mkdtempSync(path.join(tmpdir(), 'banyan-log-'));
afterAll(() => rmSync(dir, { recursive: true }));

const check = (accessLogFile: string | undefined, accessLog: Settings['accessLog'] = 'json'): Promise<void> =>
  checkAccessLogFile({ accessLog, accessLogFile } as Settings);

it('takes a file that there is, and leaves what it says', async () => {
  const file = path.join(dir, 'there');
  writeFileSync(file, 'before\n');
  await check(file);
  expect(readFileSync(file, 'utf8')).toBe('before\n');
});

it('makes a file and the directories that lead there', async () => {
  const file = path.join(dir, 'a/b/new');
  await check(file);
  expect(existsSync(file)).toBe(true);
});

it.each(['/dev/null', '/dev/full', '-', undefined])('takes %s', async (file) => {
  await expect(check(file)).resolves.toBeUndefined();
});

it('does not wait for the reader of a pipe', async () => {
  const pipe = path.join(dir, 'pipe');
  execFileSync('mkfifo', [pipe]);
  await expect(check(pipe)).resolves.toBeUndefined();
});

it.each([
  ['a directory', dir, 'it is a directory'],
  ['what lies below a file', '/dev/null/log', 'a part of its path is no directory'],
])('refuses %s with the exit code of wrong settings', async (_what, file, reason) => {
  await expect(check(file)).rejects.toMatchObject({
    message: `the access log cannot be written to ${file}: ${reason}`,
    exitCode: 2,
    hint: expect.stringContaining('--access-log-file') as string,
  });
});

it('does not look at a file that nothing is written to', async () => {
  await expect(check(dir, 'off')).resolves.toBeUndefined();
});
