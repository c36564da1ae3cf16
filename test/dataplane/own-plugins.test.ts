import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { Registry } from 'prom-client';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { gatewayPlugins } from '../../plugins/index.ts';
import { filterSpecs, filterSpecsWith } from '../../plugins/specs.ts';
import type { GatewayPlugin } from '../../src/contract/index.ts';
import { loadOwnPlugins } from '../../src/main/own-plugins.ts';
import { frame, startGateway, type TestGateway, virtualService } from '../support/gateway.ts';

const root = path.resolve(import.meta.dirname, '../..');

let dir: string;
let example: string;
let upstream: http.Server;
let gateway: TestGateway | undefined;

beforeAll(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'banyan-plugin-'));
  // The very text that people copy.
  const readme = readFileSync(path.join(root, 'plugins/README.md'), 'utf8');
  example = file('team-header.mjs', /```js\n(\/\/ team-header\.mjs[\s\S]*?)```/.exec(readme)?.[1] ?? '');
  upstream = http.createServer((request, response) => response.end(JSON.stringify(request.headers)));
  await new Promise<void>((resolve) => void upstream.listen(0, '127.0.0.1', resolve));
});
afterAll(() => {
  upstream.close();
  rmSync(dir, { recursive: true, force: true });
});
afterEach(async () => {
  await gateway?.close();
  gateway = undefined;
});

function file(name: string, text: string): string {
  const at = path.join(dir, name);
  mkdirSync(path.dirname(at), { recursive: true });
  writeFileSync(at, text);
  return at;
}

const ask = (
  port: number,
  headers: http.OutgoingHttpHeaders = {},
): Promise<{ status: number | undefined; headers: http.IncomingHttpHeaders; body: string }> =>
  new Promise((resolve, reject) => {
    http
      .get({ port, headers, agent: false }, (response) => {
        let body = '';
        response.on('data', (chunk: Buffer) => {
          body += chunk.toString();
        });
        response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body }));
      })
      .on('error', reject);
  });

async function serve(names: readonly string[]): Promise<TestGateway> {
  const own = await loadOwnPlugins(names);
  const plugins = gatewayPlugins({
    accessLog: { format: 'off', target: '-' },
    registry: new Registry(),
    redisUrl: undefined,
    own,
  });
  const { port } = upstream.address() as AddressInfo;
  gateway = await startGateway(
    frame({ web: port }) + virtualService('all', '- route: [{ destination: { host: web.test } }]'),
    { plugins },
  );
  return gateway;
}

describe('a plugin of the network team’s own', () => {
  it('acts with both halves, as plugins/README.md shows', async () => {
    const { port, records } = await serve([example]);
    const answer = await ask(port, { 'x-team': 'forged' });
    expect(JSON.parse(answer.body)).toMatchObject({ 'x-team': 'team' });
    expect(answer.headers['x-served-by']).toBe('team');
    const refused = await ask(port, { 'x-debug': '1' });
    expect(refused.status).toBe(403);
    expect(JSON.parse(refused.body)).toMatchObject({ cause: 'debug-refused', side: 'policy' });
    expect(refused.headers['x-served-by']).toBe('team');
    expect(records.at(-1)).toMatchObject({ cause: 'debug-refused' });
  });

  it('that throws refuses the request, and the gateway lives', async () => {
    const broken = file(
      'broken.mjs',
      "export default { spec: { name: 'broken', kinds: [], compileWorkload: () => ({}) }, plugin: async (app) => app.banyan.contribute({ name: 'broken', request() { throw new Error('mine'); } }) };",
    );
    const { port, errors } = await serve([broken]);
    expect((await ask(port)).status).toBe(500);
    expect((await ask(port)).status).toBe(500);
    expect(errors).toHaveLength(2);
  });

  it('runs behind those that know the caller, and before faults', async () => {
    const own = (await loadOwnPlugins([example])).map(({ spec }) => spec);
    const names = filterSpecsWith(own).map(({ name }) => name);
    expect(names.slice(names.indexOf('rate-limit-identity'), names.indexOf('cors'))).toEqual([
      'rate-limit-identity',
      'team-header',
      'fault-injection',
    ]);
    expect(filterSpecsWith([])).toEqual(filterSpecs);
    const halves = gatewayPlugins({
      accessLog: { format: 'off', target: '-' },
      registry: new Registry(),
      redisUrl: undefined,
      own: await loadOwnPlugins([example]),
    });
    expect(halves.map(({ spec }) => spec.name)).toEqual(names);
  });

  it.each([
    ['that is not there', 'none.mjs', undefined, 'cannot be loaded'],
    ['that does not parse', 'syntax.mjs', 'export default {', 'cannot be loaded'],
    ['that throws', 'throws.mjs', "throw new Error('at once');", 'at once'],
    ['without a default export', 'empty.mjs', '', 'no object'],
    [
      'without a request half',
      'half.mjs',
      "export default { spec: { name: 'a', kinds: [] } };",
      "'plugin' is no function",
    ],
    ['without a pure half', 'pure.mjs', 'export default { plugin() {} };', "'spec.name'"],
    [
      'of a strange name',
      'name.mjs',
      "export default { spec: { name: '__proto__', kinds: [] }, plugin() {} };",
      "'spec.name'",
    ],
    [
      'of a name of ours',
      'ours.mjs',
      "export default { spec: { name: 'auth-jwt', kinds: [] }, plugin() {} };",
      "a filter 'auth-jwt' already",
    ],
    [
      'that foresees by no function',
      'foresee.mjs',
      "export default { spec: { name: 'a', kinds: [], foresee: 'rain' }, plugin() {} };",
      "'spec.foresee' is no function",
    ],
    ['without kinds', 'kinds.mjs', "export default { spec: { name: 'a' }, plugin() {} };", "'spec.kinds' is no list"],
    [
      'of an unknown kind',
      'kind.mjs',
      "export default { spec: { name: 'a', kinds: ['Pancake'] }, plugin() {} };",
      'Pancake',
    ],
  ])('%s ends the start', async (_name, name, content, message) => {
    const at = content === undefined ? path.join(dir, name) : file(name, content);
    await expect(loadOwnPlugins([at])).rejects.toThrow(message);
  });

  it('that fails on the routes is named on a laptop, in one line', async () => {
    const broken = file(
      'broken.mjs',
      "export default { spec: { name: 'broken', kinds: [], compileWorkload() { throw new Error('bang'); } }, plugin: async () => {} };",
    );
    mkdirSync(path.join(dir, 'empty'), { recursive: true });
    const check = promisify(execFile)(
      process.execPath,
      [path.join(root, 'bin/banyan.js'), 'check', path.join(dir, 'empty'), '--plugin', broken],
      { env: { PATH: process.env['PATH'] ?? '', NO_COLOR: '1' } },
    );
    await expect(check).rejects.toMatchObject({
      code: 2,
      stderr: "banyan: nothing can be compiled: the filter 'broken' fails on the routes: bang\n",
    });
  });

  it('is heard by the operator', async () => {
    const talking = {
      spec: { name: 'talking', kinds: [] },
      plugin: async (app: Parameters<GatewayPlugin['plugin']>[0]) => app.log.warn({ port: 1 }, 'up and running'),
    };
    const lines: unknown[] = [];
    gateway = await startGateway(frame({}), {
      plugins: [talking],
      onPluginLine: (...line) => lines.push(line),
    });
    expect(lines).toEqual([['warn', 'up and running', { port: 1 }]]);
  });

  it('cannot be there twice', async () => {
    await expect(loadOwnPlugins([example, example])).rejects.toThrow("a filter 'team-header' already");
  });

  it('says on a laptop what it says in the gateway', async () => {
    const strict = file(
      'strict.mjs',
      "export default { spec: { name: 'strict', kinds: ['RateLimit'], compileWorkload: ({ policies, report }) => { for (const { ref } of policies) report({ object: ref, code: 'invalid-value', field: ['spec'], message: 'not by this house' }); } }, plugin: async (app) => app.banyan.contribute({ name: 'strict' }) };",
    );
    file(
      'routes/istio-system/limit.yaml',
      'apiVersion: banyan.dev/v1alpha1\nkind: RateLimit\nmetadata: { name: a }\nspec: { rules: [{ name: a, per: gateway, limits: [{ requests: 1, window: 1s }] }] }\n',
    );
    const check = promisify(execFile)(
      process.execPath,
      [path.join(root, 'bin/banyan.js'), 'check', path.join(dir, 'routes'), '--plugin', example, '--plugin', strict],
      { env: { PATH: process.env['PATH'] ?? '', NO_COLOR: '1' } },
    );
    await expect(check).rejects.toMatchObject({
      code: 1,
      stdout: expect.stringContaining('not by this house') as string,
    });
  });
});
