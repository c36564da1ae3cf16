import { type ApiClient, ApiError } from './client.ts';
import type { WatchedKind } from './kinds.ts';
import { isObject } from './raw.ts';

/** Which of its versions the server serves of each kind; a kind that is not in it is not served. Rejects where the server cannot be asked. */
export async function discover(
  client: ApiClient,
  kinds: readonly WatchedKind[],
  signal: AbortSignal,
): Promise<ReadonlyMap<WatchedKind, string>> {
  const versions = [...new Set(kinds.flatMap((kind) => kind.apiVersions))];
  const resources = new Map(
    await Promise.all(versions.map(async (version) => [version, await resourcesOf(client, version, signal)] as const)),
  );
  const served = new Map<WatchedKind, string>();
  for (const kind of kinds) {
    const version = kind.apiVersions.find((candidate) => resources.get(candidate)?.has(kind.plural));
    if (version !== undefined) served.set(kind, version);
  }
  return served;
}

/** Plural names. A group that is not there is no failure: its CRDs are not installed. */
async function resourcesOf(client: ApiClient, version: string, signal: AbortSignal): Promise<ReadonlySet<string>> {
  try {
    const path = version.includes('/') ? `/apis/${version}` : `/api/${version}`;
    const { resources } = await client.send<{ readonly resources?: unknown }>('GET', path, { signal });
    const names = (Array.isArray(resources) ? resources : []).map((one: unknown) => (isObject(one) ? one['name'] : ''));
    return new Set(names.filter((name) => typeof name === 'string'));
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return new Set();
    throw error;
  }
}
