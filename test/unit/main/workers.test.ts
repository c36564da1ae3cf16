import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { freePort } from '../../support/gateway.ts';

/** The whole product with two workers. */

let child: ChildProcess;
let dir: string;
let port: number;
let adminPort: number;
let output = '';

const routes = (body: string): string => `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge }
spec:
  selector: { istio: ingressgateway }
  servers: [{ port: { number: ${port}, name: http, protocol: HTTP }, hosts: ["*"] }]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: shop }
spec:
  hosts: ["*"]
  gateways: [edge]
  http: [{ directResponse: { status: 200, body: { string: ${body} } } }]
`;

function get(at: number, target: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = http.get({ port: at, path: target, agent: false }, (response) => {
      let text = `${response.statusCode} `;
      response.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => resolve(text));
    });
    request.on('error', reject);
  });
}
const metric = async (line: string): Promise<number> => {
  const text = await get(adminPort, '/metrics');
  const found = text.split('\n').find((one) => one.startsWith(`${line} `));
  return Number(found?.slice(line.length + 1) ?? 0);
};
const workers = (): readonly number[] =>
  readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
const patient = { timeout: 15_000, interval: 30 };

beforeAll(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'banyan-workers-'));
  [port, adminPort] = [await freePort(), await freePort()];
  mkdirSync(path.join(dir, 'shop'));
  writeFileSync(path.join(dir, 'shop/shop.yaml'), routes('one'));
  const flags = ['--listen-address', '127.0.0.1', '--admin-port', String(adminPort), '--workers', '2'];
  child = spawn(process.execPath, ['bin/banyan.js', 'serve', '--dir', dir, ...flags], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk) => {
      output += chunk;
    });
  await vi.waitFor(async () => expect(await get(adminPort, '/readyz')).toMatch(/^200/), patient);
}, 20_000);
afterAll(() => {
  child.kill('SIGKILL');
  rmSync(dir, { recursive: true, force: true });
});

describe.skipIf(process.platform !== 'linux')('a gateway with two workers', () => {
  it('answers the same from both, and counts for both together', async () => {
    const answers = await Promise.all(Array.from({ length: 30 }, () => get(port, '/')));
    expect(new Set(answers)).toEqual(new Set(['200 one']));
    expect(await metric('banyan_workers{state="serving"}')).toBe(2);
    expect(await metric('banyan_requests_total{namespace="shop",route="shop/shop/0",code="2xx"}')).toBe(30);
  });

  it('hands an edit to both', async () => {
    writeFileSync(path.join(dir, 'shop/shop.yaml'), routes('two'));
    await vi.waitFor(async () => {
      const answers = await Promise.all(Array.from({ length: 10 }, () => get(port, '/')));
      expect(new Set(answers)).toEqual(new Set(['200 two']));
    }, patient);
  });

  it('tells how long the edit took to be live in each, and that both serve the same', async () => {
    await vi.waitFor(async () => {
      for (const worker of ['0', '1'])
        expect(await metric(`banyan_config_propagation_seconds_count{worker="${worker}"}`)).toBe(1);
    }, patient);
    const text = await get(adminPort, '/metrics');
    const serving = [...text.matchAll(/^banyan_worker_config_info\{worker="(\d)",revision="([^"]+)"\} 1$/gm)];
    const inService = /^banyan_config_info\{revision="([^"]+)"\} 1$/m.exec(text)?.[1];
    expect(serving.map(([, worker, revision]) => [worker, revision]).sort()).toEqual([
      ['0', inService],
      ['1', inService],
    ]);
    const compiledAt = await metric('banyan_compile_last_success_timestamp_seconds');
    expect(Math.abs(Date.now() / 1_000 - compiledAt)).toBeLessThan(60);
  });

  it('A-03 opens no debugger when it is told to by SIGUSR1, in none of its processes', async () => {
    for (const pid of [child.pid as number, ...workers()]) process.kill(pid, 'SIGUSR1');
    await vi.waitFor(() => expect(output).toContain('SIGUSR1'), patient);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(output).not.toMatch(/Debugger listening|Starting inspector/);
    expect(await metric('banyan_workers{state="serving"}')).toBe(2);
  });

  it('replaces a worker that is killed, and goes on counting', async () => {
    const before = await metric('banyan_requests_total{namespace="shop",route="shop/shop/0",code="2xx"}');
    process.kill(workers()[0] as number, 'SIGKILL');
    await vi.waitFor(async () => {
      expect(await metric('banyan_worker_restarts_total')).toBe(1);
      expect(await metric('banyan_workers{state="serving"}')).toBe(2);
    }, patient);
    expect(await get(port, '/')).toBe('200 two');
    expect(await metric('banyan_requests_total{namespace="shop",route="shop/shop/0",code="2xx"}')).toBe(before + 1);
  });

  it('ends with its workers when it is told to', async () => {
    const pids = workers();
    child.kill('SIGTERM');
    const [code] = await once(child, 'exit');
    expect(code).toBe(0);
    for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    const lines = output.split('\n').filter((line) => line.includes('"start_time"'));
    expect(lines.length).toBeGreaterThan(30);
    for (const line of lines) expect(JSON.parse(line)).toMatchObject({ response_code: 200 });
  });
});
