import { expect, it } from 'vitest';
import { Outage } from '../../../src/contract/index.ts';

function reporting() {
  let now = 0;
  const told: string[] = [];
  const outage = new Outage(
    { trouble: 'the store is gone', over: 'the store is back' },
    (level, message) => told.push(`${level} ${message}`),
    () => now,
  );
  return {
    outage,
    told,
    pass: (ms: number): void => {
      now += ms;
    },
  };
}

it('says once that a store fails, with what was heard last, and once that it answers again', () => {
  const { outage, told } = reporting();
  outage.succeeded();
  outage.heard('refused');
  outage.failed();
  outage.heard('refused again');
  outage.failed();
  outage.succeeded();
  outage.succeeded();
  expect(told).toEqual(['warn the store is gone: refused', 'info the store is back']);
});

it('does not fill the log with a store that fails now and then', () => {
  const { outage, told, pass } = reporting();
  for (let i = 0; i < 100; i++) {
    outage.failed();
    outage.succeeded();
    pass(99);
  }
  expect(told).toHaveLength(2);
  pass(1_000);
  outage.failed();
  expect(told).toHaveLength(3);
});
