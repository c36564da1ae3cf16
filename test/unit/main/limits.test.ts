import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS } from '../../../src/dataplane/downstream/limits.ts';
import { DEFAULT_OVERLOAD_LIMITS } from '../../../src/dataplane/overload.ts';
import { downstreamLimitsOf, overloadLimitsOf } from '../../../src/main/limits.ts';
import { LIMIT_SETTINGS, loadSettings, type Settings } from '../../../src/settings.ts';

async function settingsOf(flags: Readonly<Partial<Record<keyof Settings, string>>>): Promise<Settings> {
  const outcome = await loadSettings({ flags, env: {} });
  if (!outcome.ok) throw new Error(outcome.error.join('\n'));
  return outcome.value.settings;
}

describe('limits by settings', () => {
  it('are the data plane’s own defaults where nobody says otherwise', async () => {
    const settings = await settingsOf({});
    expect(DEFAULT_LIMITS).toMatchObject(downstreamLimitsOf(settings, 1));
    expect(overloadLimitsOf(settings, 1)).toEqual(DEFAULT_OVERLOAD_LIMITS);
  });

  it('reach the data plane in its units, each one of them', async () => {
    const given = Object.fromEntries(LIMIT_SETTINGS.map(({ key, fallback }) => [key, String(Math.ceil(fallback / 2))]));
    const settings = await settingsOf(given);
    const limits = downstreamLimitsOf(settings, 1);
    const halves = Object.entries(limits).map(([key, value]) => value / DEFAULT_LIMITS[key as keyof typeof limits]);
    expect(halves.map((share) => Math.round(share * 10) / 10)).toEqual(halves.map(() => 0.5));
    expect(Object.keys(limits)).toHaveLength(LIMIT_SETTINGS.length - Object.keys(DEFAULT_OVERLOAD_LIMITS).length);
    expect(overloadLimitsOf(settings, 1)).toEqual({
      utilization: 0.45,
      delayMs: 50,
      heap: 0.45,
      requestsPerNamespace: 2_500,
    });
  });

  it('of the whole gateway are shared out among its processes, never down to nothing', async () => {
    const settings = await settingsOf({ maxConnections: '10', maxNamespaceRequests: '2' });
    expect(downstreamLimitsOf(settings, 4)).toMatchObject({ maxConnections: 3, maxConcurrentStreams: 100 });
    expect(overloadLimitsOf(settings, 4).requestsPerNamespace).toBe(1);
  });

  it.each([
    [1_024, 480],
    [256, 96],
    [64, 1],
    [Number.POSITIVE_INFINITY, 10_000],
  ])('leave a descriptor for the service of each client: %d make %d connections', async (descriptors, expected) => {
    expect(downstreamLimitsOf(await settingsOf({}), 1, descriptors).maxConnections).toBe(expected);
  });

  it.each([
    ['maxConnections', '0'],
    ['headersSeconds', '0'],
    ['overloadBusyPercent', '101'],
    ['maxHeaderKib', 'much'],
  ])('%s: %s is refused', async (key, value) => {
    const outcome = await loadSettings({ flags: { [key]: value }, env: {} });
    expect(outcome).toMatchObject({
      ok: false,
      error: [expect.stringMatching(`^--.*'${value}' is not a whole number`)],
    });
  });
});
