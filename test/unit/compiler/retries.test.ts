import { describe, expect, it } from 'vitest';
import { translateRetries } from '../../../src/compiler/from-retries.ts';

const BUILT_IN = ['connect-failure', 'refused-stream', 'unavailable', 'cancelled', 'retriable-status-codes'];

describe('retries', () => {
  it('are Istio’s built-in ones where nobody says anything', () => {
    expect(translateRetries(undefined, undefined, false, undefined)).toEqual({
      attempts: 2,
      retryOn: BUILT_IN,
      retriableStatusCodes: [],
      perTryTimeoutMs: undefined,
      backoffMs: 25,
      avoidPreviousHosts: true,
      avoidPreviousPriorities: false,
    });
  });

  it.each([
    { own: {}, mesh: undefined },
    { own: { attempts: 0 }, mesh: { attempts: 5 } },
    { own: undefined, mesh: { attempts: 0 } },
  ])('are none with $own and the mesh’s $mesh', ({ own, mesh }) => {
    expect(translateRetries(own, mesh, false, undefined)).toBeUndefined();
  });

  it('are the mesh’s where the route has none, and the route’s alone where it has some', () => {
    const mesh = { attempts: 5, retryOn: '5xx', backoff: '1s' };
    expect(translateRetries(undefined, mesh, false, undefined)).toMatchObject({
      attempts: 5,
      retryOn: ['5xx'],
      backoffMs: 1000,
    });
    expect(translateRetries({ attempts: 1 }, mesh, false, undefined)).toMatchObject({
      attempts: 1,
      retryOn: BUILT_IN,
      backoffMs: 25,
    });
  });

  it.each([
    { retryOn: '', conditions: BUILT_IN, codes: [] },
    { retryOn: '5xx,reset', conditions: ['5xx', 'reset'], codes: [] },
    { retryOn: '503', conditions: ['retriable-status-codes'], codes: [503] },
    { retryOn: '+503', conditions: ['retriable-status-codes'], codes: [503] },
    { retryOn: '503,reset,404', conditions: ['reset', 'retriable-status-codes'], codes: [503, 404] },
    { retryOn: 'retriable-status-codes,503', conditions: ['retriable-status-codes'], codes: [503] },
  ])('on "$retryOn"', ({ retryOn, conditions, codes }) => {
    expect(translateRetries({ attempts: 1, retryOn }, undefined, false, undefined)).toMatchObject({
      retryOn: conditions,
      retriableStatusCodes: codes,
    });
  });

  it('do not limit a try that may last as long as the whole', () => {
    const perTry = (timeoutMs: number | undefined) =>
      translateRetries({ attempts: 1, perTryTimeout: '2s' }, undefined, false, timeoutMs)?.perTryTimeoutMs;
    expect(perTry(undefined)).toBe(2000);
    expect(perTry(3000)).toBe(2000);
    expect(perTry(2000)).toBeUndefined();
  });

  it('go to other hosts unless hashing says which, or the policy says otherwise', () => {
    const avoid = (hashed: boolean, own?: boolean) =>
      translateRetries(
        { attempts: 1, ...(own !== undefined && { retryIgnorePreviousHosts: own }) },
        undefined,
        hashed,
        undefined,
      )?.avoidPreviousHosts;
    expect(avoid(false)).toBe(true);
    expect(avoid(true)).toBe(false);
    expect(avoid(true, true)).toBe(true);
    expect(avoid(false, false)).toBe(false);
  });

  it('leave the localities that had tries where the policy, or the mesh, says so', () => {
    const leave = { attempts: 3, retryRemoteLocalities: true };
    expect(translateRetries(leave, undefined, false, undefined)?.avoidPreviousPriorities).toBe(true);
    expect(translateRetries(undefined, leave, false, undefined)?.avoidPreviousPriorities).toBe(true);
    expect(translateRetries({ attempts: 3 }, leave, false, undefined)?.avoidPreviousPriorities).toBe(false);
  });
});
