import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS } from '../../../src/dataplane/downstream/limits.ts';
import { DEFAULT_OVERLOAD_LIMITS } from '../../../src/dataplane/overload.ts';
import { bufferBytesOf, downstreamLimitsOf, overloadLimitsOf } from '../../../src/main/limits.ts';
import { LIMIT_SETTINGS, loadSettings, type Settings } from '../../../src/settings.ts';

async function settingsOf(flags: Readonly<Partial<Record<keyof Settings, string>>>): Promise<Settings> {
  const outcome = await loadSettings({ flags, env: {} });
  if (!outcome.ok) throw new Error(outcome.error.join('\n'));
  return outcome.value.settings;
}

const MIB = 2 ** 20;

describe('limits by settings', () => {
  it.each([
    ['a fifth of a container’s memory, shared by its workers', 0, 512, 2, 51.2],
    ['never too little to serve anybody', 0, 128, 4, 32],
    ['nor more than a garbage collector has a mind for', 0, 65_536, 2, 1_024],
    ['what the setting says', 300, 512, 2, 300],
  ])('buffers may take %s', async (_name, setting, memoryMib, processes, expectedMib) => {
    const settings = await settingsOf({ maxBufferMib: String(setting) });
    expect(bufferBytesOf(settings, processes, memoryMib * MIB)).toBe(Math.round(expectedMib * MIB));
  });

  it('are the data plane’s own defaults where nobody says otherwise', async () => {
    const settings = await settingsOf({});
    expect(DEFAULT_LIMITS).toMatchObject(downstreamLimitsOf(settings, 1));
    expect(overloadLimitsOf(settings, 1, 1_280 * MIB)).toEqual({
      ...DEFAULT_OVERLOAD_LIMITS,
      bufferBytes: 256 * MIB,
    });
  });

  it('reach the data plane in its units, each one of them', async () => {
    const given = Object.fromEntries(LIMIT_SETTINGS.map(({ key, fallback }) => [key, String(Math.ceil(fallback / 2))]));
    const settings = await settingsOf(given);
    const limits = downstreamLimitsOf(settings, 1);
    const halves = Object.entries(limits).map(([key, value]) => value / DEFAULT_LIMITS[key as keyof typeof limits]);
    expect(halves.map((share) => Math.round(share * 10) / 10)).toEqual(halves.map(() => 0.5));
    expect(Object.keys(limits)).toHaveLength(LIMIT_SETTINGS.length - Object.keys(DEFAULT_OVERLOAD_LIMITS).length);
    expect(overloadLimitsOf({ ...settings, maxBufferMib: 100 }, 1)).toEqual({
      utilization: 0.45,
      delayMs: 50,
      heap: 0.45,
      bufferBytes: 100 * MIB,
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
