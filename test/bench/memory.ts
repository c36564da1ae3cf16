import { once } from 'node:events';
import http from 'node:http';
import path from 'node:path';
import { freePort } from '../support/free-port.ts';
import { listening, residentMib, start } from './lib/process.ts';
import type { Section } from './lib/report.ts';
import { figure } from './lib/table.ts';
import { gatewayYaml, PROGRAMS, routesYaml, serveBanyan, serviceYaml, write } from './lib/workspace.ts';

const CHUNK = Buffer.alloc(64 * 1_024, 'x');

/** Streams this much through the gateway in each direction and watches what it holds. */
export async function benchMemory(bytes: number): Promise<Section> {
  const [port, upstream] = [await freePort(), await freePort()];
  const service = start('the upstream', undefined, [
    process.execPath,
    path.join(PROGRAMS, 'upstream.ts'),
    String(upstream),
  ]);
  await listening(service, upstream);
  write(
    'memory/platform/all.yaml',
    gatewayYaml({ http: port }) +
      serviceYaml('web', upstream) +
      routesYaml('all', '"*"', '    - { route: [{ destination: { host: web.test } }] }'),
  );
  const settings = ['--workers', '1', '--access-log-file', '/dev/null'];
  const gateway = await serveBanyan({ name: 'banyan', directory: 'memory', port, settings });
  for (let i = 0; i < 2_000; i++) await down(port, '/small');
  const rows: (readonly string[])[] = [];
  for (const [name, stream] of [
    ['down', () => down(port, `/pour?bytes=${bytes}`)],
    ['up', () => up(port, bytes)],
  ] as const) {
    const before = residentMib(gateway.pid);
    let most = before;
    const watch = setInterval(() => {
      most = Math.max(most, residentMib(gateway.pid));
    }, 50);
    const began = performance.now();
    const passed = await stream();
    const seconds = (performance.now() - began) / 1_000;
    clearInterval(watch);
    if (passed !== bytes) throw new Error(`${passed} of ${bytes} bytes came through`);
    rows.push([
      `${figure(bytes / 1e9)} GB ${name}`,
      figure(bytes / 1e6 / seconds),
      figure(before),
      figure(most),
      figure(most - before),
    ]);
  }
  gateway.kill();
  service.kill();
  return {
    name: 'memory',
    tables: [{ columns: ['one stream', 'MB/s', 'RSS MiB before', 'most', 'growth (bar: < 50)'], rows }],
  };
}

async function down(port: number, target: string): Promise<number> {
  const [response] = (await once(http.get({ port, path: target }), 'response')) as [http.IncomingMessage];
  let bytes = 0;
  for await (const chunk of response) bytes += (chunk as Buffer).length;
  return bytes;
}

async function up(port: number, bytes: number): Promise<number> {
  const request = http.request({ port, path: '/', method: 'POST' });
  const answer = once(request, 'response') as Promise<[http.IncomingMessage]>;
  for (let left = bytes; left > 0; left -= CHUNK.length)
    if (!request.write(left < CHUNK.length ? CHUNK.subarray(0, left) : CHUNK)) await once(request, 'drain');
  request.end();
  const [response] = await answer;
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return Number(text);
}
