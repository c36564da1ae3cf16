/** Measures the gateway; `--help` says what there is. The bars are those of docs/performance.md. */
import { parseArgs } from 'node:util';
import { benchConcerns } from './concerns.ts';
import { versions } from './lib/peers.ts';
import { print, record, recordPlot, type Section } from './lib/report.ts';
import { benchMemory } from './memory.ts';
import { benchProgram } from './micro.ts';
import { benchProxy, benchRoutes } from './proxy.ts';
import { benchReload } from './reload.ts';

const HELP = `Usage: npm run bench -- [options]

Measures the gateway beside other proxies, and the bars it is held to. Takes about six minutes; wants wrk and h2load, and
nginx and haproxy to compare with (Debian: wrk nghttp2-client nginx haproxy). ENVOY=/path/to/envoy adds Envoy.

  --only NAME      one part: match, compile, memory, reload, proxy, routes, concerns; may be given several times
  --long           10 GB each way, and five times as many rounds
  --gigabytes N    streamed each way (default 2)
  --edits N        of routes under load (default 1000)
  --rounds N       of each comparison (default 4)
  --record         put what was measured into docs/performance.md and docs/performance.svg
  --help

Examples:
  npm run bench
  npm run bench -- --only proxy --rounds 10
  npm run bench -- --long --record
`;

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    long: { type: 'boolean', default: false },
    gigabytes: { type: 'string' },
    edits: { type: 'string', default: '1000' },
    rounds: { type: 'string' },
    record: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const number = (name: string, text: string): number => {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  console.error(`--${name} ${text}: a number above 0 is wanted`);
  process.exit(2);
};
const contest = { rounds: number('rounds', values.rounds ?? (values.long ? '20' : '4')), seconds: 1 };
const bytes = number('gigabytes', values.gigabytes ?? (values.long ? '10' : '2')) * 1e9;
const edits = number('edits', values.edits);

const parts: Readonly<Record<string, () => Section | Promise<Section>>> = {
  match: () => benchProgram('match'),
  compile: () => benchProgram('compile'),
  memory: () => benchMemory(bytes),
  reload: () => benchReload(edits),
  async proxy() {
    const { section, plot } = await benchProxy(contest);
    if (values.record) recordPlot(plot);
    return section;
  },
  routes: () => benchRoutes(contest),
  concerns: () => benchConcerns(contest),
};

if (values.help) {
  console.log(HELP);
  process.exit(0);
}
const unknown = values.only?.filter((name) => !Object.hasOwn(parts, name)) ?? [];
if (unknown.length > 0) {
  console.error(`--only ${unknown.join(', ')}: the parts are ${Object.keys(parts).join(', ')}`);
  process.exit(2);
}
console.log(versions());
let failed = false;
for (const [name, part] of Object.entries(parts)) {
  if (values.only !== undefined && !values.only.includes(name)) continue;
  const began = performance.now();
  try {
    const section = await part();
    console.log(`\n── ${name} (${Math.round((performance.now() - began) / 1_000)} s)`);
    print(section);
    if (values.record) record(section);
  } catch (error) {
    failed = true;
    console.error(`\n── ${name} failed: ${(error as Error).message}`);
  }
}
process.exit(failed ? 1 : 0);
