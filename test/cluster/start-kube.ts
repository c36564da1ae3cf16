import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  export interface ProvidedContext {
    readonly kubeconfig: string;
    readonly kubectl: string;
  }
}

interface Kube {
  readonly kubeconfig: string;
  pids(): Readonly<Record<string, number>>;
  stopApiserver(): Promise<void>;
  startApiserver(): Promise<void>;
  stop(): Promise<void>;
}

export interface OwnKube extends Kube {
  /** etcd too: same address, same data. */
  restart(): Promise<void>;
}

interface StartOptions {
  readonly controllers?: boolean;
  /** Default: they are there. */
  readonly crds?: boolean;
}

/** A real API server of one's own, empty but for the CRDs. */
export async function startKube({ crds = true, ...options }: StartOptions = {}): Promise<OwnKube> {
  const { KUBEBUILDER_ASSETS: bin, BANYAN_TEST_KUBE: kubeDir } = process.env;
  if (bin === undefined || kubeDir === undefined) throw new Error('run this by `npm run test:cluster`');
  const starter = (await import(pathToFileURL(path.join(kubeDir, 'start.mjs')).href)) as {
    startKube(options: object): Promise<Kube>;
  };
  const workdir = mkdtempSync(path.join(tmpdir(), 'banyan-kube-'));
  let kube = await starter.startKube({ bin, workdir, ...options });
  if (crds) installCrds(path.join(bin, 'kubectl'), kube.kubeconfig);
  return {
    kubeconfig: kube.kubeconfig,
    pids: () => kube.pids(),
    stopApiserver: () => kube.stopApiserver(),
    startApiserver: () => kube.startApiserver(),
    async restart() {
      await kube.stop();
      kube = await starter.startKube({ bin, workdir, ...options });
    },
    async stop() {
      await kube.stop();
      rmSync(workdir, { recursive: true, force: true });
    },
  };
}

function installCrds(kubectl: string, kubeconfig: string): void {
  const run = (...args: readonly string[]): void =>
    void execFileSync(kubectl, ['--kubeconfig', kubeconfig, ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
  run('apply', '--server-side', '-f', 'deploy/crds', '-f', 'deploy/crds/istio');
  run('wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s');
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const kube = await startKube({ controllers: true });
  project.provide('kubeconfig', kube.kubeconfig);
  project.provide('kubectl', path.join(process.env['KUBEBUILDER_ASSETS'] as string, 'kubectl'));
  return () => kube.stop();
}
