import { FEW_JUMPS, jumpingClock, MANY_JUMPS } from './clock-faults.ts';
import { names, panic } from './cluster-faults.ts';
import { configPushes, endpointChurn } from './config-faults.ts';
import { fakeTimeLibrary } from './fake-clock.ts';
import { memoryCeiling } from './memory-faults.ts';
import { elsewhere, migratesRequests, network } from './network.ts';
import { injectedExceptions, killedWorkers, rollingRestart } from './process-faults.ts';
import { endAll } from './processes.ts';
import { blockedOutput, fullDisk, noDescriptors } from './resource-faults.ts';
import type { Row } from './scene.ts';
import { soak } from './soak.ts';
import { massReconnect, mutualHandshakes } from './tls-faults.ts';
import { hangingUpstream, keepAliveRace, retryStorm, slowTenant, upstreamResets } from './upstream-faults.ts';

const HELP = `Faults under load, and what each costs: the rows of edge-security §2.2 that one machine can inject.

  npm run test:faults -- [--long] [R-01 …]     all of them, or some; short by default, about 5 minutes
  npm run test:faults -- --soak [MINUTES]      the base load for 20 minutes, or as many: memory and descriptors

Losses are judged in either form; times in the long one only, which wants a machine for itself.`;

const args = process.argv.slice(2);
const long = args.includes('--long');
const only = args.filter((arg) => /^[RT]-\d+$/.test(arg));
const pick = (short: number, full: number): number => (long ? full : short);

interface Fault {
  readonly id: string;
  readonly run: () => Promise<Row>;
  /** Why it cannot be run here. */
  readonly skipped?: string | undefined;
}

const FAULTS = (): readonly Fault[] => [
  { id: 'R-01', run: () => rollingRestart(pick(6, 20)) },
  { id: 'R-02', run: () => killedWorkers(pick(5, 20), long) },
  { id: 'R-03', run: () => configPushes(pick(60, 1_500), 1_000, long) },
  { id: 'R-05', run: () => endpointChurn(pick(12, 300)) },
  { id: 'R-13', run: () => upstreamResets(pick(8, 120)) },
  { id: 'R-14', run: () => keepAliveRace(pick(10, 330)) },
  { id: 'R-15', run: () => hangingUpstream(pick(6, 60), long) },
  { id: 'R-16', run: () => retryStorm(pick(6, 60)) },
  { id: 'R-17', run: () => panic(pick(5, 60)) },
  { id: 'R-18', run: () => slowTenant(pick(6, 60)) },
  {
    id: 'R-19',
    run: () => names(pick(3, 20)),
    skipped:
      network() === 'own' ? undefined : 'needs a network of its own (root, or user namespaces), for a name server',
  },
  { id: 'R-21', run: () => memoryCeiling(pick(5, 600), pick(1_200, 4_000)) },
  { id: 'R-22', run: () => blockedOutput(pick(6, 120)) },
  { id: 'R-22', run: () => fullDisk(pick(5, 60)) },
  { id: 'R-22', run: () => noDescriptors(pick(1, 10)) },
  {
    id: 'R-23',
    run: () => jumpingClock(fakeTimeLibrary() ?? '', long ? MANY_JUMPS : FEW_JUMPS),
    skipped:
      fakeTimeLibrary() === undefined ? 'needs libfaketime (Debian: faketime), for a clock that jumps' : undefined,
  },
  { id: 'R-26', run: () => injectedExceptions(pick(3, 20)) },
  { id: 'T-09', run: () => mutualHandshakes(pick(1_000, 100_000), pick(1_000, 60_000)) },
  { id: 'R-27', run: () => massReconnect(pick(300, 2_000), long) },
];

const WIDTHS = [48, 6, 9, 6, 8, 9] as const;
const line = (cells: readonly string[]): string =>
  cells.map((cell, i) => (i === 0 || i > 5 ? cell.padEnd(WIDTHS[i] ?? 0) : cell.padStart(WIDTHS[i] ?? 0))).join('  ');

function print(row: Row): boolean {
  const bad = row.lost > row.allowed || row.wrong.length > 0;
  const recovery = row.recoveryMs === undefined ? '' : `${Math.round(row.recoveryMs)} ms`;
  const numbers = [row.count, row.requests, row.lost, row.allowed].map(String);
  console.log(line([row.fault, ...numbers, recovery, `${bad ? 'BAD ' : ''}${row.note}`]));
  for (const wrong of row.wrong) console.log(`    ${wrong}`);
  if (row.lost > row.allowed) for (const { kind, id, why } of row.examples) console.log(`    ${kind} ${id}: ${why}`);
  return !bad;
}

async function runFaults(): Promise<boolean> {
  console.log(`network: ${network()}; requests to a port that closes are ${migratesRequests() ? '' : 'not '}handed on`);
  console.log(line(['fault', 'count', 'requests', 'lost', 'allowed', 'recovery', 'notes']));
  let sound = true;
  for (const { id, run, skipped } of FAULTS()) {
    if (only.length > 0 && !only.includes(id)) continue;
    if (skipped !== undefined) {
      console.log(`${id} skipped: ${skipped}`);
      continue;
    }
    try {
      sound = print(await run()) && sound;
    } catch (error) {
      sound = false;
      console.log(`${id} could not be run: ${(error as Error).stack}`);
    }
    endAll();
  }
  return sound;
}

async function main(): Promise<number> {
  if (args.includes('--help')) {
    console.log(HELP);
    return 0;
  }
  const code = await elsewhere();
  if (code !== undefined) return code;
  const sound = args.includes('--soak')
    ? await soak(Number(args[args.indexOf('--soak') + 1] ?? 20))
    : await runFaults();
  endAll();
  return sound ? 0 : 1;
}

process.exit(await main());
