import { appendFileSync, readdirSync } from 'node:fs';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Loaded into the gateway's processes by the soak: on SIGUSR2 each collects all garbage, and writes down what is left. */
const file = process.env['SOAK_FILE'];

/** V8 goes on making code of the same functions for an hour, and throws it away at times: that is no memory of requests. */
const CODE = /^(?:code|trusted)/;

process.on('SIGUSR2', () => {
  if (file === undefined) return;
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  collect();
  const { rss, external } = process.memoryUsage();
  const data = getHeapSpaceStatistics().filter(({ space_name }) => !CODE.test(space_name));
  const live = data.reduce((sum, { space_used_size }) => sum + space_used_size, external);
  const descriptors = readdirSync('/proc/self/fd').length - 1;
  appendFileSync(file, `${JSON.stringify({ pid: process.pid, rss, live, descriptors })}\n`);
});
