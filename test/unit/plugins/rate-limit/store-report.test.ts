import { expect, it } from 'vitest';
import { StoreReport } from '../../../../plugins/rate-limit/store-report.ts';

function reporting() {
  let now = 0;
  const told: string[] = [];
  const report = new StoreReport(
    (level, message) => told.push(`${level} ${message}`),
    () => now,
  );
  return {
    report,
    told,
    pass: (ms: number): void => {
      now += ms;
    },
  };
}

it('says once that a store fails, with what was heard last, and once that it answers again', () => {
  const { report, told } = reporting();
  report.answered();
  report.heard('refused');
  report.failed();
  report.heard('refused again');
  report.failed();
  report.answered();
  report.answered();
  expect(told).toEqual([
    'warn the store of shared rate limits cannot be asked; onStoreFailure says what passes: refused',
    'info the store of shared rate limits answers again',
  ]);
});

it('does not fill the log with a store that fails now and then', () => {
  const { report, told, pass } = reporting();
  for (let i = 0; i < 100; i++) {
    report.failed();
    report.answered();
    pass(99);
  }
  expect(told).toHaveLength(2);
  pass(1_000);
  report.failed();
  expect(told).toHaveLength(3);
});
