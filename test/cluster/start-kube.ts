import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
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
  /** Killed, and there again after a while. */
  restartEtcd(awayMs: number): Promise<void>;
  /** It stands still, its connections open, until it is let go on. */
  freezeApiserver(): () => void;
}

interface StartOptions {
  readonly controllers?: boolean;
  /** Default: they are there. */
  readonly crds?: boolean;
}

const ESTABLISHED_MS = 60_000;

/** A real API server of one's own, empty but for the CRDs. */
export async function startKube({ crds = true, ...options }: StartOptions = {}): Promise<OwnKube> {
  const { KUBEBUILDER_ASSETS: bin, TEST_KUBE_DIR: kubeDir } = process.env;
  if (bin === undefined || kubeDir === undefined) throw new Error('run this by `npm run test:cluster`');
  const starter = (await import(pathToFileURL(path.join(kubeDir, 'start.mjs')).href)) as {
    startKube(options: object): Promise<Kube>;
  };
  const workdir = mkdtempSync(path.join(tmpdir(), 'banyan-kube-'));
  let etcd: ChildProcess | undefined;
  let kube = await starter.startKube({ bin, workdir, ...options });
  if (crds)
    await installCrds(path.join(bin, 'kubectl'), kube.kubeconfig).catch(async (error: unknown) => {
      await kube.stop();
      throw error;
    });
  return {
    kubeconfig: kube.kubeconfig,
    pids: () => kube.pids(),
    stopApiserver: () => kube.stopApiserver(),
    startApiserver: () => kube.startApiserver(),
    async restart() {
      await kube.stop();
      kube = await starter.startKube({ bin, workdir, ...options });
    },
    async restartEtcd(awayMs) {
      etcd = await restarted(etcd?.pid ?? (kube.pids()['etcd'] as number), awayMs);
    },
    freezeApiserver() {
      const pid = kube.pids()['kube-apiserver'] as number;
      process.kill(pid, 'SIGSTOP');
      let isFrozen = true;
      return () => {
        if (isFrozen) process.kill(pid, 'SIGCONT');
        isFrozen = false;
      };
    },
    async stop() {
      await kube.stop();
      etcd?.kill();
      rmSync(workdir, { recursive: true, force: true });
    },
  };
}

/** The same program again, as it was started. */
async function restarted(pid: number, awayMs: number): Promise<ChildProcess> {
  const [command = '', ...args] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
  const cwd = readlinkSync(`/proc/${pid}/cwd`);
  process.kill(pid, 'SIGKILL');
  await sleep(awayMs);
  // Our builds end with the process that started them.
  const env = { ...process.env, STOP_WITH_PARENT: String(process.pid) };
  return spawn(command, args, { cwd, env, stdio: 'ignore' });
}

async function installCrds(kubectl: string, kubeconfig: string): Promise<void> {
  const run = (...args: readonly string[]): string =>
    execFileSync(kubectl, ['--kubeconfig', kubeconfig, ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  run('apply', '--server-side', '-f', 'deploy/crds', '-f', 'deploy/crds/istio');
  // `kubectl wait` fails at once on a CRD that has no conditions yet.
  for (const deadline = Date.now() + ESTABLISHED_MS; ; await sleep(100)) {
    try {
      run('wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s');
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const kube = await startKube({ controllers: true });
  project.provide('kubeconfig', kube.kubeconfig);
  project.provide('kubectl', path.join(process.env['KUBEBUILDER_ASSETS'] as string, 'kubectl'));
  return () => kube.stop();
}
