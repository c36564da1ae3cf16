import { hash } from 'node:crypto';
import { Redis } from 'ioredis';
import { Outage, type Tell } from '../../src/contract/index.ts';
import { intervalOf, judge, toleranceOf, type Verdict } from './gcra.ts';
import type { Charge, SharedStore } from './store.ts';

/** What a store that is slow or gone may add to a request (edge-security L-06). */
const DEADLINE_MS = 50;
/** So many answers in a row that came too late: the connection is given up, and requests no longer wait for it. */
const LATE_IN_A_ROW = 3;
/** A connection that is made but says nothing is made anew after this long. */
const SILENT_MS = 2_000;
const CONNECT_TIMEOUT_MS = 500;
const MAX_RECONNECT_MS = 1_000;
const PREFIX = 'banyan:rl:';

const OUTAGE = {
  trouble: 'the store of shared rate limits cannot be asked; onStoreFailure says what passes',
  over: 'the store of shared rate limits answers again',
};

/** A caller may be named by a header of 60 kB, or by a secret: neither is for the store to keep. */
const storedKey = (key: string): string => PREFIX + hash('sha256', key, 'base64url');

/**
 * GCRA for several buckets at once, all or none, by the store's own clock in microseconds. KEYS: buckets. ARGV: interval
 * and tolerance of each. A debt beyond the tolerance is written off for good, or it would refuse until the clock has caught
 * up with it (edge-security L-07). Answers the time, the first bucket that refuses or 0, and what each bucket held before. Numbers
 * are written by `%.0f`: Lua's own text of a number keeps 14 digits and loses the microseconds.
 */
const SCRIPT = `
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local before, after, refused = {}, {}, 0
for i, key in ipairs(KEYS) do
  local interval, tolerance = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  local arrival = tonumber(redis.call('GET', key) or now)
  if arrival > now + tolerance then
    arrival = now + tolerance
    redis.call('SET', key, string.format('%.0f', arrival), 'PX', math.ceil(tolerance / 1000) + 1)
  end
  before[i] = string.format('%.0f', arrival)
  arrival = math.max(arrival, now) + interval
  after[i] = arrival
  if refused == 0 and arrival - now > tolerance + interval / 1000 then refused = i end
end
if refused == 0 then
  for i, key in ipairs(KEYS) do
    redis.call('SET', key, string.format('%.0f', after[i]), 'PX', math.ceil((after[i] - now) / 1000) + 1)
  end
end
return { string.format('%.0f', now), refused, unpack(before) }
`;

type ScriptAnswer = readonly [now: string, refused: number, ...before: string[]];

interface WithScript extends Redis {
  banyanCharge(count: number, ...keysAndArguments: string[]): Promise<ScriptAnswer>;
}

/** `url`: `redis://` or `rediss://`, with user, password and database where they are needed. */
export function createRedisStore(url: string, deadlineMs: number = DEADLINE_MS, tell: Tell = () => {}): SharedStore {
  const redis = new Redis(url, {
    connectTimeout: CONNECT_TIMEOUT_MS,
    commandTimeout: deadlineMs,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    disconnectTimeout: CONNECT_TIMEOUT_MS,
    // A primary that a failover has made a replica keeps its connections and takes no writes: another one leads to the new primary.
    reconnectOnError: ({ message }) => message.includes('READONLY'),
    retryStrategy: (times) => Math.min(2 ** times * 10, MAX_RECONNECT_MS),
  }) as WithScript;
  redis.defineCommand('banyanCharge', { lua: SCRIPT });
  let failures = 0;
  let late = 0;
  let usable = false;
  let ended = false;
  const outage = new Outage(OUTAGE, tell);
  // A server that hangs accepts connections and says nothing; requests do not wait for one that is not ready.
  let silent: NodeJS.Timeout | undefined;
  redis.on('connect', () => {
    clearTimeout(silent);
    silent = setTimeout(() => !usable && giveUp('it does not answer'), SILENT_MS);
    silent.unref();
  });
  redis.on('ready', () => {
    clearTimeout(silent);
    outage.heard(undefined);
    usable = true;
  });
  redis.on('close', () => {
    usable = false;
    if (!ended) outage.failed();
  });
  // The client connects anew by itself. What it says names addresses, never the password.
  redis.on('error', ({ message }: Error) => outage.heard(message));

  const giveUp = (why: string): void => {
    usable = false;
    outage.heard(why);
    redis.disconnect(true);
  };
  const failed = (): 'failed' => {
    failures += 1;
    return 'failed';
  };
  return {
    async charge(charges) {
      if (!usable) return failed();
      const answer = await withinDeadline(ask(redis, charges), deadlineMs);
      if (answer === 'late' && usable && ++late >= LATE_IN_A_ROW) {
        late = 0;
        giveUp('its answers are late');
      }
      if (answer instanceof Error && usable) {
        outage.heard(answer.message);
        outage.failed();
      }
      if (answer === 'late' || answer instanceof Error) return failed();
      late = 0;
      outage.succeeded();
      return verdictsOf(charges, answer);
    },
    get up() {
      return usable;
    },
    get failures() {
      return failures;
    },
    async close() {
      ended = true;
      clearTimeout(silent);
      redis.disconnect();
    },
  };
}

function ask(redis: WithScript, charges: readonly Charge[]): Promise<ScriptAnswer> {
  const keys = charges.map(({ key }) => storedKey(key));
  const numbers = charges.flatMap(({ window }) => [
    String(intervalOf(window) * 1000),
    String(toleranceOf(window) * 1000),
  ]);
  return redis.banyanCharge(charges.length, ...keys, ...numbers);
}

/** Our own clock besides the client's: nothing that happens in there holds up a request. */
function withinDeadline<T>(work: Promise<T>, deadlineMs: number): Promise<T | 'late' | Error> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve('late'), deadlineMs);
    work.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error: Error) => {
        clearTimeout(timer);
        resolve(error.message === 'Command timed out' ? 'late' : error);
      },
    );
  });
}

/** What the callers are told comes from the same arithmetic as in memory; who passes, the store has decided. */
function verdictsOf(charges: readonly Charge[], [now, refused, ...before]: ScriptAnswer): readonly Verdict[] {
  const nowMs = Number(now) / 1000;
  return charges.map(({ window }, i) => ({
    ...judge(window, Number(before[i] ?? now) / 1000, nowMs),
    allowed: i + 1 !== refused,
  }));
}
