import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from './run.ts';

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'banyan-completion-'));
  writeFileSync(path.join(folder, 'banyan.bash'), (await run(['completion', 'bash'])).out);
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What bash itself offers for the last word. */
function offered(...words: string[]): string[] {
  const script = `source ${folder}/banyan.bash; compopt() { :; }; COMP_WORDS=(banyan ${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length}; _banyan; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync('bash', ['-c', script], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line !== '');
}

describe('completion', () => {
  it.each([
    [['che'], ['check']],
    [['com'], ['completion']],
    [['xyz'], []],
    [
      ['serve', '--admin-'],
      ['--admin-address', '--admin-port', '--admin-hosts'],
    ],
    [
      ['check', '--output', ''],
      ['text', 'json', 'github'],
    ],
    [['routes', '-o', 'w'], ['wide']],
    [
      ['serve', '--access-log', ''],
      ['json', 'text', 'off'],
    ],
    [['serve', '--fast-lane', 'n'], ['no']],
    [['serve', '--kubernetes', '--istio-m'], ['--istio-metrics']],
    [['completion', 'z'], ['zsh']],
    [['serve', '--port-offset', ''], []],
    [['explain', '--di'], ['--dir']],
    [['help', 'rou'], ['routes']],
  ])('in bash offers for %j', (words, expected) => {
    expect(offered(...words)).toEqual(expected);
  });

  it('for zsh is that of bash, made to work there', async () => {
    expect((await run(['completion', 'zsh'])).out).toMatch(/^#compdef banyan\n.*bashcompinit\n_banyan\(\)/);
  });

  it('for fish names commands, options and choices', async () => {
    const { out } = await run(['completion', 'fish']);
    expect(out).toContain(
      "complete -c banyan -n __fish_use_subcommand -a check -d 'say what is wrong with a directory of routes'",
    );
    expect(out).toContain("-n '__fish_seen_subcommand_from check' -l output -s o -x -a 'text json github'");
    expect(out).not.toContain('undefined');
  });

  it('does not know other shells', async () => {
    expect(await run(['completion', 'tcsh'])).toMatchObject({ code: 2, out: '' });
  });
});
