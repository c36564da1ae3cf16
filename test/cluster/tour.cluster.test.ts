import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, inject, it, onTestFinished } from 'vitest';
import { startKube } from './start-kube.ts';

/** The commands of a page, in their order. */
function commandsOf(page: string): string {
  const text = readFileSync(page, 'utf8');
  return [...text.matchAll(/^```bash\n(.*?)^```$/gms)].map(([, block]) => block).join('\n');
}

it('follows the tour of docs/kubernetes.md on an empty cluster', async () => {
  const kube = await startKube({ crds: false });
  onTestFinished(() => kube.stop());
  const bin = mkdtempSync(path.join(tmpdir(), 'banyan-bin-'));
  onTestFinished(() => rmSync(bin, { recursive: true, force: true }));
  symlinkSync(inject('kubectl'), path.join(bin, 'kubectl'));
  writeFileSync(
    path.join(bin, 'banyan'),
    `#!/bin/sh\nexec "${process.execPath}" "${path.resolve('bin/banyan.js')}" "$@"\n`,
  );
  chmodSync(path.join(bin, 'banyan'), 0o755);
  const script = `set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n${commandsOf('docs/kubernetes.md')}`;
  const { code, out } = await new Promise<{ readonly code: number | null; readonly out: string }>((resolve) => {
    const env = {
      ...process.env,
      KUBECONFIG: kube.kubeconfig,
      PATH: `${bin}:${process.env['PATH']}`,
      BANYAN_WORKERS: '1',
    };
    const shell = spawn('bash', ['-c', script], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    for (const stream of [shell.stdout, shell.stderr])
      stream.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
    shell.on('close', (ended) => resolve({ code: ended, out: text }));
  });
  expect(out).toContain('the cart');
  expect(out).toContain('VirtualService shop/cart');
  expect(out).toContain('as it should be: exit code 1');
  expect(out).toContain('Frozen=True LastGood');
  expect({ code, out }).toMatchObject({ code: 0 });
}, 120_000);
