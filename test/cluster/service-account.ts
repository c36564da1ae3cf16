import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { parse } from 'yaml';
import type { Cluster } from './cluster.ts';

/** A kubeconfig of somebody who is nobody but this ServiceAccount. */
export async function kubeconfigOf(kube: Cluster, namespace: string, name: string): Promise<string> {
  const token = (await kube.kubectl('create', 'token', name, '--namespace', namespace)).trim();
  const { clusters } = parse(readFileSync(kube.kubeconfig, 'utf8')) as { clusters: readonly { name: string }[] };
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters,
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster: clusters[0]?.name, user: name, namespace } }],
    'current-context': name,
  };
  const file = path.join(temporaryFolder(), 'kubeconfig');
  writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
  return file;
}

export function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'banyan-deploy-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
