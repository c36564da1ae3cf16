import type http from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { type Clock, systemClock } from '../../src/kernel/clock.ts';
import { frame, startGateway, type TestGateway, type TestGatewayOptions, virtualService } from '../support/gateway.ts';
import { type Asked, askGateway, startUpstreams, type TestUpstreams } from '../support/upstreams.ts';

let upstreams: TestUpstreams;
let gateway: TestGateway;
afterEach(async () => {
  await gateway.close();
  upstreams.close();
});

type Answer = NonNullable<Parameters<typeof startUpstreams>[1]>;

interface Scene {
  readonly services: number;
  readonly answer: Answer;
  /** `trafficPolicy` of the one destination. */
  readonly policy: string;
  /** More of the rule, each line indented by two. */
  readonly rule?: string;
  readonly options?: TestGatewayOptions;
  /** Instead of endpoints without a place. */
  readonly localities?: readonly string[];
}

/** A gateway with one destination `web.test`, of as many endpoints as there are services. */
async function play({ services, answer, policy, rule = '', options = {}, localities }: Scene): Promise<void> {
  upstreams = await startUpstreams(services, answer);
  let world = frame({ web: upstreams.ports });
  for (const [i, locality] of (localities ?? []).entries()) {
    const port = upstreams.ports[i];
    world = world.replace(`ports: { main: ${port} } }`, `ports: { main: ${port} }, locality: ${locality} }`);
  }
  const destinationRule = `
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: web }
spec: { host: web.test, trafficPolicy: { ${policy} } }`;
  const routes = virtualService('all', `- route: [{ destination: { host: web.test } }]\n${rule}`);
  gateway = await startGateway(world + destinationRule + routes, options);
}

const ask = (path = '/'): Promise<Asked> => askGateway(gateway.port, path);
const askTimes = (count: number, path = '/'): Promise<readonly Asked[]> =>
  Promise.all(Array.from({ length: count }, () => ask(path)));

/** One after the other, so that what one brings about is seen by the next. */
async function askInTurn(count: number): Promise<readonly Asked[]> {
  const answers: Asked[] = [];
  for (let i = 0; i < count; i++) answers.push(await ask());
  return answers;
}

const countOf = (answers: readonly Asked[], status: number): number =>
  answers.filter((answer) => answer.status === status).length;

/** Requests that wait until the test lets them go. */
class Held {
  readonly waiting: http.ServerResponse[] = [];

  hold(response: http.ServerResponse): void {
    this.waiting.push(response);
  }

  async reached(count: number): Promise<void> {
    await expect.poll(() => this.waiting.length, { interval: 2, timeout: 5_000 }).toBe(count);
  }

  release(status = 200): void {
    for (const response of this.waiting.splice(0)) response.writeHead(status).end();
  }
}

describe('retries at once', () => {
  const RETRIES = '  retries: { attempts: 1, retryOn: 5xx, backoff: 1ms }';
  const BURST = 20;

  /** All first tries fail together, and no second one ends before all first ones have their answer. */
  async function secondTries(policy: string): Promise<{ readonly tries: number; readonly answers: readonly Asked[] }> {
    const first = new Held();
    const second = new Held();
    const answer: Answer = (_, request, response) =>
      (request.headers['x-envoy-attempt-count'] === '1' ? first : second).hold(response);
    await play({ services: 1, answer, policy, rule: RETRIES });
    const asked = askTimes(BURST);
    await first.reached(BURST);
    first.release(503);
    // A request is given up at once or tried again, so that both together come to all.
    await expect
      .poll(() => gateway.records.length + second.waiting.length, { interval: 2, timeout: 5_000 })
      .toBe(BURST);
    const tries = second.waiting.length;
    second.release(200);
    return { tries, answers: await asked };
  }

  it('are all made where nothing limits them', async () => {
    const { tries, answers } = await secondTries('connectionPool: { http: { maxRequestsPerConnection: 100 } }');
    expect(tries).toBe(BURST);
    expect(countOf(answers, 200)).toBe(BURST);
  });

  it('are as many as maxRetries, and whoever gets none keeps the answer it had', async () => {
    const { tries, answers } = await secondTries('connectionPool: { http: { maxRetries: 4 } }');
    expect(tries).toBe(4);
    expect(countOf(answers, 200)).toBe(4);
    expect(countOf(answers, 503)).toBe(BURST - 4);
    expect(gateway.records.filter(({ flags }) => flags.includes('UO'))).toHaveLength(BURST - 4);
  });

  it('are a share of what is under way, by a budget, which takes the place of maxRetries', async () => {
    const { tries, answers } = await secondTries(
      'retryBudget: { percent: 25, minRetryConcurrency: 2 }, connectionPool: { http: { maxRetries: 1 } }',
    );
    expect(tries).toBeGreaterThanOrEqual(2);
    expect(tries).toBeLessThanOrEqual(BURST / 4);
    expect(countOf(answers, 200)).toBe(tries);
    expect(countOf(answers, 503)).toBe(BURST - tries);
  });

  it('are as many as the budget always allows, however little is under way', async () => {
    const { tries } = await secondTries('retryBudget: { percent: 0, minRetryConcurrency: 3 }');
    expect(tries).toBe(3);
  });
});

describe('a breaker', () => {
  const BURST = 10;

  it('lets http2MaxRequests under way, over HTTP/1.1 too, and answers 503 to the others at once', async () => {
    const held = new Held();
    const policy = 'connectionPool: { http: { http2MaxRequests: 3 } }';
    await play({ services: 1, answer: (_, __, response) => held.hold(response), policy });
    const asked = askTimes(BURST);
    await held.reached(3);
    await expect.poll(() => gateway.records.length, { interval: 2 }).toBe(BURST - 3);
    held.release();
    const answers = await asked;
    expect(countOf(answers, 200)).toBe(3);
    const refused = answers.filter(({ status }) => status === 503);
    expect(refused).toHaveLength(BURST - 3);
    for (const { headers, body } of refused) {
      expect(headers['x-envoy-overloaded']).toBe('true');
      expect(JSON.parse(body)).toMatchObject({ status: 503 });
    }
    expect(gateway.records.filter(({ flags }) => flags.includes('UO'))).toHaveLength(BURST - 3);
    const next = ask();
    await held.reached(1);
    held.release();
    expect((await next).status).toBe(200);
  });

  it('lets http1MaxPendingRequests wait for one of maxConnections, and no more', async () => {
    const held = new Held();
    const policy = 'connectionPool: { tcp: { maxConnections: 1 }, http: { http1MaxPendingRequests: 2 } }';
    await play({ services: 1, answer: (_, __, response) => held.hold(response), policy });
    const first = ask();
    await held.reached(1);
    const asked = askTimes(BURST);
    await expect.poll(() => gateway.records.length, { interval: 2 }).toBe(BURST - 2);
    expect(upstreams.seen).toEqual([1]);
    for (let i = 0; i < 3; i++) {
      await held.reached(1);
      held.release();
    }
    expect((await first).status).toBe(200);
    const answers = await asked;
    expect(countOf(answers, 200)).toBe(2);
    expect(countOf(answers, 503)).toBe(BURST - 2);
  });

  it('is not there by default', async () => {
    const held = new Held();
    await play({
      services: 1,
      answer: (_, __, response) => held.hold(response),
      policy: 'loadBalancer: { simple: RANDOM }',
    });
    const asked = askTimes(BURST);
    await held.reached(BURST);
    held.release();
    expect(countOf(await asked, 200)).toBe(BURST);
  });
});

/** The system's, moved on by hand. */
function movableClock(): Clock & { advance(ms: number): void } {
  let ahead = 0;
  return {
    nowMs: () => systemClock.nowMs() + ahead,
    monotonicMs: () => systemClock.monotonicMs() + ahead,
    advance(ms) {
      ahead += ms;
    },
  };
}

describe('outlier detection', () => {
  const sick = new Set<number>();
  const answer: Answer = (index, _, response) => response.writeHead(sick.has(index) ? 500 : 200).end();
  const eagerly = (more: string): string =>
    `loadBalancer: { simple: ROUND_ROBIN }, outlierDetection: { consecutive5xxErrors: 3, interval: 10ms, baseEjectionTime: 30s, ${more} }`;
  afterEach(() => sick.clear());

  it('takes out a host that fails in a row, and brings it back after its time', async () => {
    const clock = movableClock();
    sick.add(0);
    await play({ services: 2, answer, policy: eagerly('maxEjectionPercent: 100'), options: { clock } });
    const before = await askInTurn(10);
    expect(countOf(before, 500)).toBe(3);
    const during = await askInTurn(10);
    expect(during.map(({ upstream }) => upstream)).toEqual(Array(10).fill(1));
    sick.clear();
    clock.advance(29_000);
    // Looks are every 10 ms: several of them must not bring it back too early.
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect((await askInTurn(4)).map(({ upstream }) => upstream)).toEqual(Array(4).fill(1));
    clock.advance(2_000);
    await expect.poll(async () => (await ask()).upstream, { interval: 5, timeout: 5_000 }).toBe(0);
    expect(countOf(await askInTurn(10), 200)).toBe(10);
  });

  it('answers 503 when all are out: there is no panic by default', async () => {
    sick.add(0).add(1);
    await play({ services: 2, answer, policy: eagerly('maxEjectionPercent: 100') });
    expect(countOf(await askInTurn(6), 500)).toBe(6);
    const { status, upstream } = await ask();
    expect([status, upstream]).toEqual([503, undefined]);
    expect(gateway.records.at(-1)?.flags).toContain('UH');
  });

  it('uses all of them below minHealthPercent', async () => {
    sick.add(0).add(1);
    await play({ services: 2, answer, policy: eagerly('maxEjectionPercent: 100, minHealthPercent: 60') });
    expect(countOf(await askInTurn(12), 500)).toBe(12);
  });

  it('takes out none of two where at most a tenth may be out', async () => {
    sick.add(0);
    await play({ services: 2, answer, policy: eagerly('splitExternalLocalOriginErrors: false') });
    expect(countOf(await askInTurn(20), 500)).toBe(10);
  });

  it('begins to count anew with each good answer', async () => {
    let turn = 0;
    const mostlyBad: Answer = (_, __, response) => response.writeHead(++turn % 3 === 0 ? 200 : 500).end();
    await play({ services: 1, answer: mostlyBad, policy: eagerly('maxEjectionPercent: 100') });
    expect((await askInTurn(15)).every(({ upstream }) => upstream === 0)).toBe(true);
  });

  it('counts a connection that is cut as a failure', async () => {
    const cutting: Answer = (index, request, response) =>
      void (index === 0 ? request.socket.destroy() : response.end());
    const rule = '  retries: { attempts: 0 }';
    await play({ services: 2, answer: cutting, policy: eagerly('maxEjectionPercent: 100'), rule });
    expect(countOf(await askInTurn(10), 503)).toBe(3);
    expect(countOf(await askInTurn(6), 200)).toBe(6);
  });
});

describe('where endpoints are', () => {
  const gatewayLabels = { 'topology.kubernetes.io/region': 'north', 'topology.kubernetes.io/zone': 'n1' };
  const sick = new Set<number>();
  const answer: Answer = (index, _, response) => response.writeHead(sick.has(index) ? 500 : 200).end();
  afterEach(() => sick.clear());

  it('the nearest answer, and when they are out, those of the next region', async () => {
    const policy =
      'outlierDetection: { consecutive5xxErrors: 2, maxEjectionPercent: 100, baseEjectionTime: 60s }, ' +
      'loadBalancer: { localityLbSetting: { failover: [{ from: north, to: west }] } }';
    const localities = ['east/e1', 'west/w1', 'north/n2', 'north/n1'];
    await play({ services: 4, answer, policy, localities, options: { gatewayLabels } });
    for (const [nearest, ...out] of [[3], [2, 3], [1, 2, 3], [0, 1, 2, 3]] as const) {
      for (const index of out) sick.add(index);
      if (out.length > 0) await askInTurn(2);
      const answers = await askInTurn(5);
      expect(answers.map(({ status, upstream }) => `${status} ${upstream}`)).toEqual(Array(5).fill(`200 ${nearest}`));
    }
  });

  it('does not count without outlierDetection', async () => {
    const policy = 'loadBalancer: { simple: ROUND_ROBIN }';
    await play({ services: 2, answer, policy, localities: ['north/n1', 'west/w1'], options: { gatewayLabels } });
    const answers = await askInTurn(10);
    expect(answers.filter(({ upstream }) => upstream === 0)).toHaveLength(5);
  });

  it('get the shares that are given to them', async () => {
    const policy =
      'loadBalancer: { simple: ROUND_ROBIN, localityLbSetting: { distribute: [{ from: north/*, to: { north/*: 80, west/*: 20 } }] } }';
    const localities = ['north/n1', 'north/n2', 'west/w1', 'east/e1'];
    await play({ services: 4, answer, policy, localities, options: { gatewayLabels } });
    await askInTurn(100);
    const [a = 0, b = 0, west = 0, east] = upstreams.seen;
    expect(a + b).toBeGreaterThanOrEqual(78);
    expect(a + b).toBeLessThanOrEqual(82);
    expect(Math.abs(a - b)).toBeLessThanOrEqual(2);
    expect(west).toBe(100 - a - b);
    expect(east).toBe(0);
  });
});
