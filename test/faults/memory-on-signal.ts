import { appendFileSync, readdirSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Loaded into the gateway's processes by the soak: on SIGUSR2 each collects all garbage, and writes down what is left. */
const file = process.env['SOAK_FILE'];

process.on('SIGUSR2', () => {
  if (file === undefined) return;
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  collect();
  const { rss, heapUsed, external } = process.memoryUsage();
  const descriptors = readdirSync('/proc/self/fd').length - 1;
  appendFileSync(file, `${JSON.stringify({ pid: process.pid, rss, live: heapUsed + external, descriptors })}\n`);
});
