import { onTestFinished, vi } from 'vitest';
import { systemClock } from '../../../../src/kernel/clock.ts';
import type { ResourceKind } from '../../../../src/resources/kinds.ts';
import {
  createApiClient,
  type KubernetesOptions,
  type KubernetesSource,
  kubernetesSource,
} from '../../../../src/sources/kubernetes.ts';
import type { SourceSnapshot } from '../../../../src/sources/source.ts';
import { FakeApi } from './fake-api.ts';

export async function fakeApi(): Promise<FakeApi> {
  const api = new FakeApi();
  await api.listen();
  onTestFinished(() => api.close());
  return api;
}

/** Waits for what is to come, however busy the machine is. */
export const soon = (expected: () => void): Promise<void> => vi.waitFor(expected, { timeout: 10_000, interval: 10 });

/** Everything happens soon. */
export const SOON = {
  watchSeconds: 1,
  silenceMs: 10_000,
  backoffFirstMs: 5,
  backoffMostMs: 20,
  expiredMostMs: 5,
  pulseMs: 200,
  rediscoverMs: 20,
  graceMs: 100,
  confirmMs: 10_000,
  saveMs: 5,
};

export interface Followed {
  readonly source: KubernetesSource;
  /** Resolves when the source has been read. */
  readonly started: Promise<SourceSnapshot>;
  readonly log: string[];
  current(): SourceSnapshot | undefined;
  names(kind?: ResourceKind): readonly string[];
}

export function follow(api: FakeApi, options: Partial<KubernetesOptions> = {}): Followed {
  const log: string[] = [];
  let current: SourceSnapshot | undefined;
  const client = createApiClient(api.access, { timeoutMs: 2_000 });
  const source = kubernetesSource({
    client,
    gatewayNamespace: 'istio-system',
    clock: systemClock,
    log: { info: (line) => void log.push(line), warn: (line) => void log.push(line) },
    ...options,
    timings: { ...SOON, ...options.timings },
  });
  const started = source
    .start((snapshot) => {
      current = snapshot;
    })
    .then((first) => {
      current ??= first;
      return first;
    });
  started.catch(() => {});
  onTestFinished(async () => {
    await source.close();
    await client.close();
  });
  return {
    source,
    started,
    log,
    current: () => current,
    names: (kind = 'VirtualService') => (current?.resources.ofKind(kind) ?? []).map(({ meta }) => meta.name).toSorted(),
  };
}
