import { configPushes, endpointChurn } from './config-faults.ts';
import { blockedOutput, injectedExceptions, killedWorkers, rollingRestart } from './process-faults.ts';
import { endAll } from './processes.ts';
import type { Row } from './scene.ts';
import { hangingUpstream, keepAliveRace, retryStorm, slowTenant, upstreamResets } from './upstream-faults.ts';

/**
 * Faults under load, and what each costs: the rows of edge-security §2.2 that one machine can inject.
 * `npm run test:faults -- [--long] [R-01 …]`
 */
const long = process.argv.includes('--long');
const only = process.argv.slice(2).filter((arg) => !arg.startsWith('--'));
const pick = (short: number, full: number): number => (long ? full : short);

const FAULTS: readonly (readonly [id: string, run: () => Promise<Row>])[] = [
  ['R-01', () => rollingRestart(pick(8, 20))],
  ['R-02', () => killedWorkers(pick(8, 20))],
  ['R-03', () => configPushes(pick(100, 1_500), 1_000)],
  ['R-05', () => endpointChurn(pick(15, 300))],
  ['R-13', () => upstreamResets(pick(12, 120))],
  ['R-14', () => keepAliveRace(pick(20, 330))],
  ['R-15', () => hangingUpstream(pick(10, 60))],
  ['R-16', () => retryStorm(pick(10, 60))],
  ['R-18', () => slowTenant(pick(10, 60))],
  ['R-22', () => blockedOutput(pick(12, 120))],
  ['R-26', () => injectedExceptions(pick(4, 20))],
];

const line = (cells: readonly string[]): string => {
  const widths = [40, 6, 9, 6, 8, 9];
  return cells
    .map((cell, i) => (i === 0 || i > 5 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
    .join('  ');
};

console.log(line(['fault', 'count', 'requests', 'lost', 'allowed', 'recovery', 'notes']));
let failures = 0;
for (const [id, run] of FAULTS) {
  if (only.length > 0 && !only.includes(id)) continue;
  try {
    const row = await run();
    const bad = row.lost > row.allowed || row.wrong.length > 0;
    if (bad) failures += 1;
    const recovery = row.recoveryMs === undefined ? '' : `${Math.round(row.recoveryMs)} ms`;
    console.log(
      line([
        row.fault,
        String(row.count),
        String(row.requests),
        String(row.lost),
        String(row.allowed),
        recovery,
        `${bad ? 'BAD ' : ''}${row.note}`,
      ]),
    );
    for (const wrong of row.wrong) console.log(`    ${wrong}`);
    if (row.lost > row.allowed)
      for (const { kind, id: request, why } of row.examples) console.log(`    ${kind} ${request}: ${why}`);
  } catch (error) {
    failures += 1;
    console.log(`${id} could not be run: ${(error as Error).stack}`);
  }
  endAll();
}
process.exit(failures === 0 ? 0 : 1);
