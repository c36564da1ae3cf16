import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { measurePropagation } from '../../../src/admin/propagation-metrics.ts';
import { Propagation } from '../../../src/control/propagation.ts';

let nowMs = 0;
const clock = { nowMs: () => nowMs, monotonicMs: () => nowMs };

function measuring() {
  nowMs = 1_000;
  const observed: string[] = [];
  const observe = (worker: number, seconds: number): void => void observed.push(`${worker}: ${seconds}`);
  return { propagation: new Propagation({ clock, observe }), observed };
}

it('measures from the sign of a change to each worker that serves it', () => {
  const { propagation, observed } = measuring();
  propagation.published(1_000);
  const live = propagation.handedOver('r1');
  nowMs = 1_200;
  live(1);
  nowMs = 1_500;
  live(0);
  expect(observed).toEqual(['1: 0.2', '0: 0.5']);
  expect([...propagation.live()]).toEqual([
    [1, 'r1'],
    [0, 'r1'],
  ]);
});

it('counts every change of those that are handed over together', () => {
  const { propagation, observed } = measuring();
  propagation.published(900);
  propagation.published(700);
  propagation.handedOver('r1')(0);
  propagation.handedOver('r2')(0);
  expect(observed).toEqual(['0: 0.1', '0: 0.3']);
  expect(propagation.live().get(0)).toBe('r2');
});

it('has nothing to measure of what was there from the start', () => {
  const { propagation, observed } = measuring();
  propagation.published(undefined);
  propagation.handedOver('r1')(0);
  expect(observed).toEqual([]);
  expect(propagation.live().get(0)).toBe('r1');
});

it('is shown as a histogram, with the revision that each worker serves', async () => {
  nowMs = 0;
  const registry = new Registry();
  const propagation = measurePropagation(registry, clock);
  propagation.published(0);
  const live = propagation.handedOver('r1');
  nowMs = 240;
  live(0);
  live(1);
  propagation.handedOver('r2')(1);
  const lines = (await registry.metrics()).split('\n');
  for (const line of [
    'banyan_config_propagation_seconds_bucket{le="0.2",worker="0"} 0',
    'banyan_config_propagation_seconds_bucket{le="0.3",worker="1"} 1',
    'banyan_config_propagation_seconds_sum{worker="0"} 0.24',
    'banyan_worker_config_info{worker="0",revision="r1"} 1',
    'banyan_worker_config_info{worker="1",revision="r2"} 1',
  ])
    expect(lines).toContain(line);
  expect(lines.filter((line) => line.startsWith('banyan_worker_config_info'))).toHaveLength(2);
});
