import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createApiClient, loadAccess } from '../../../../src/sources/kubernetes.ts';
import { refuse } from './fake-api.ts';
import { fakeApi } from './support.ts';

const MINUTE_MS = 60_000;

const kubeconfig = (server: string, user: string | object): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'test', user: typeof user === 'string' ? { token: user } : user }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test', namespace: 'shop' } }],
    'current-context': 'test',
  });

/** An API server that takes one token, and a kubeconfig of it. */
async function guarded(user: string | object = 'first') {
  const api = await fakeApi();
  const folder = mkdtempSync(path.join(tmpdir(), 'banyan-access-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'kubeconfig');
  const { server } = api.access;
  let valid = 'first';
  api.faults.push((call, response) => {
    if (call.headers.authorization === `Bearer ${valid}`) return false;
    refuse(response, 401, 'Unauthorized');
    return true;
  });
  writeFileSync(file, kubeconfig(server, user));
  const tokenFile = path.join(folder, 'token');
  writeFileSync(tokenFile, 'first\n');
  let nowMs = 0;
  const access = await loadAccess(file, { nowMs: () => nowMs, monotonicMs: () => nowMs });
  const client = createApiClient(access);
  onTestFinished(() => client.close());
  const status = (): Promise<unknown> =>
    client.send('GET', '/api/v1').then(
      () => 200,
      (error: { readonly status: number }) => error.status,
    );
  const write = (token: string, to = server): void => writeFileSync(file, kubeconfig(to, token));
  const rotate = (token: string): void => {
    valid = token;
  };
  const elapse = (ms: number): void => {
    nowMs += ms;
  };
  return { access, api, elapse, folder, rotate, status, tokenFile, write };
}

describe('access to an API server', () => {
  it('is what the kubeconfig says', async () => {
    const { access, status } = await guarded();
    expect(access.namespace).toBe('shop');
    expect(await status()).toBe(200);
  });

  it('is read anew when it is refused', async () => {
    const { status, write, rotate } = await guarded();
    rotate('second');
    write('second');
    expect([await status(), await status()]).toEqual([401, 200]);
  });

  it('stays as it was while the kubeconfig cannot be read, or is another server’s', async () => {
    const { status, write, rotate } = await guarded();
    write('second', 'https://127.0.0.1:1');
    rotate('third');
    expect([await status(), await status()]).toEqual([401, 401]);
    rotate('first');
    expect(await status()).toBe(200);
    write('no kubeconfig', '');
    rotate('fourth');
    expect([await status(), await status()]).toEqual([401, 401]);
    write('fourth');
    expect([await status(), await status()]).toEqual([401, 200]);
  });
});

describe('a token in a file', () => {
  it.each([
    ['beside the kubeconfig', { tokenFile: 'token' }],
    ['before a token that stands there itself', { tokenFile: 'token', token: 'older' }],
    ['before a command', { tokenFile: './token', exec: { apiVersion: 'v1', command: '/nowhere' } }],
  ])('is read: %s', async (_, user) => {
    const { status } = await guarded(user);
    expect(await status()).toBe(200);
  });

  it('is read again as it is replaced, once a minute', async () => {
    const { api, elapse, rotate, status, tokenFile } = await guarded({ tokenFile: 'token' });
    expect(await status()).toBe(200);
    writeFileSync(tokenFile, 'second');
    elapse(MINUTE_MS - 1);
    expect(await status()).toBe(200);
    elapse(1);
    rotate('second');
    expect(await Promise.all([status(), status(), status()])).toEqual([200, 200, 200]);
    const sent = api.calls.map(({ headers }) => headers.authorization);
    expect(sent).toEqual(['first', 'first', 'second', 'second', 'second'].map((token) => `Bearer ${token}`));
  });

  it('is read again when it is refused', async () => {
    const { rotate, status, tokenFile } = await guarded({ tokenFile: 'token' });
    rotate('second');
    writeFileSync(tokenFile, 'second');
    expect([await status(), await status()]).toEqual([401, 200]);
  });

  it.each([
    ['empty for a moment', (file: string) => writeFileSync(file, '')],
    ['away for a moment', (file: string) => rmSync(file)],
  ])('counts as it was while the file is %s, and the file is looked at by each request', async (_, spoil) => {
    const { elapse, rotate, status, tokenFile } = await guarded({ tokenFile: 'token' });
    spoil(tokenFile);
    elapse(MINUTE_MS);
    expect(await status()).toBe(200);
    writeFileSync(tokenFile, 'second');
    rotate('second');
    expect(await status()).toBe(200);
  });

  it('that is not there is told at once, unless a token stands in for it', async () => {
    await expect(guarded({ tokenFile: 'nowhere' })).rejects.toThrow(
      /cannot be used: the token file cannot be read: ENOENT/,
    );
    const { status } = await guarded({ tokenFile: 'nowhere', token: 'first' });
    expect(await status()).toBe(200);
  });

  it('is found in any of the files that KUBECONFIG names', async () => {
    const { api, folder } = await guarded();
    const { clusters, users, ...contexts } = JSON.parse(
      kubeconfig(api.access.server, { tokenFile: 'token' }),
    ) as Record<string, unknown>;
    const files = Object.entries({ contexts: { ...contexts, clusters }, users: { users } }).map(([name, content]) => {
      const file = path.join(folder, name);
      writeFileSync(file, JSON.stringify(content));
      return file;
    });
    const script = `
      const { loadAccess } = await import(${JSON.stringify(path.resolve('src/sources/kubernetes.ts'))});
      console.log((await (await loadAccess(undefined)).credentials()).headers.authorization);`;
    const out = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
      env: { ...process.env, KUBECONFIG: files.join(path.delimiter) },
    });
    expect(out).toBe('Bearer first\n');
  });
});
