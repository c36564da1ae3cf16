import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createApiClient, loadAccess } from '../../../../src/sources/kubernetes.ts';
import { refuse } from './fake-api.ts';
import { fakeApi } from './support.ts';

const kubeconfig = (server: string, token: string): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'test', user: { token } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test', namespace: 'shop' } }],
    'current-context': 'test',
  });

/** An API server that takes one token, and a kubeconfig of it. */
async function guarded() {
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
  writeFileSync(file, kubeconfig(server, 'first'));
  const access = await loadAccess(file);
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
  return { access, status, write, rotate };
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
