import { expect, it } from 'vitest';
import type { RateLimitServiceSettings } from '../../../../plugins/rate-limit/service-config.ts';
import { ServiceLimiter } from '../../../../plugins/rate-limit/service-limiter.ts';
import type { OwnAnswer } from '../../../../src/contract/plugin.ts';
import { fakeExchange } from '../../../support/fake-exchange.ts';
import { handClock } from './support.ts';

const service = (changes: Partial<RateLimitServiceSettings> = {}): RateLimitServiceSettings => ({
  cluster: 'c',
  authority: 'limiter.test:9000',
  domain: 'edge',
  timeoutMs: 50,
  onFailure: 'allow',
  rules: [{ name: 'all', match: {}, entries: [{ key: 'a', value: 'b' }] }],
  ...changes,
});

const answered = (code: number): OwnAnswer => ({
  kind: 'answer',
  status: 200,
  headers: [['content-type', 'application/grpc']],
  trailers: [['grpc-status', '0']],
  body: Uint8Array.of(0, 0, 0, 0, 2, 8, code),
});
const OK = answered(1);
const failed = (reason: string, ended?: 'late' | 'abandoned'): OwnAnswer => ({
  kind: 'failed',
  reason,
  ...(ended !== undefined && { ended }),
});

/** What is told while the service answers so, one request after the other. */
async function told(
  ...turns: readonly (readonly [OwnAnswer, RateLimitServiceSettings?])[]
): Promise<readonly string[]> {
  const lines: string[] = [];
  let answer: OwnAnswer = OK;
  const limiter = new ServiceLimiter({
    call: async () => answer,
    clock: handClock(),
    limiter: {
      note: () => {},
      refuse: () => ({ status: 429, cause: 'limited', side: 'policy', message: '' }) as never,
    },
    onOutcome: () => {},
    tell: (level, message) => lines.push(`${level} ${message}`),
  });
  for (const [next, settings = service()] of turns) {
    answer = next;
    await limiter.ask(fakeExchange({}), [settings]);
  }
  return lines;
}

const TROUBLE = 'warn the rate-limit service limiter.test:9000 cannot be asked; onStoreFailure says what passes: ';
const OVER = 'info the rate-limit service limiter.test:9000 answers again';

it('is told once with its reason, and once that it is over, whatever routes are published meanwhile', async () => {
  expect(await told([OK], [failed('connection refused')], [failed('timeout', 'late')], [OK], [OK])).toEqual([
    `${TROUBLE}connection refused`,
    OVER,
  ]);
});

it.each<[string, OwnAnswer, RateLimitServiceSettings?]>([
  [
    'grpc-status 14 no leader',
    {
      ...OK,
      trailers: [
        ['grpc-status', '14'],
        ['grpc-message', 'no leader'],
      ],
    } as OwnAnswer,
  ],
  ['it answers with the code 0', answered(0)],
  ['no such service is known here', OK, service({ cluster: undefined })],
])('has a reason: %s', async (reason, answer, settings) => {
  expect(await told([answer, settings ?? service()])).toEqual([TROUBLE + reason]);
});

it('is none when a client leaves, or a request is refused', async () => {
  expect(await told([failed('abandoned', 'abandoned')], [answered(2)])).toEqual([]);
});

it('is each service’s own', async () => {
  const other = service({ authority: 'other.test:1' });
  expect(await told([failed('gone')], [failed('gone'), other], [OK])).toEqual([
    `${TROUBLE}gone`,
    'warn the rate-limit service other.test:1 cannot be asked; onStoreFailure says what passes: gone',
    OVER,
  ]);
});
