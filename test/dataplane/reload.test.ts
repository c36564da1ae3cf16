import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createCompiler } from '../../src/compiler/index.ts';
import { createFileCredentials } from '../../src/control/file-credentials.ts';
import { publishState } from '../../src/control/publish.ts';
import { startReconciler } from '../../src/control/reconciler.ts';
import { buildGateway } from '../../src/dataplane/index.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { decodeFile } from '../../src/sources/decode-file.ts';
import { directorySource } from '../../src/sources/directory.ts';
import { createHandle } from '../../src/table/handle.ts';
import type { CredentialTable, EndpointTable, RouteTable } from '../../src/table/model.ts';
import { freePort } from '../support/gateway.ts';
import { compileOptions } from '../support/resources.ts';

const TEAMS = ['red', 'green', 'blue', 'grey'];
const ROUNDS = 25;
/** Long enough for any machine; what is waited for comes after a tenth of a second. */
const PATIENCE = { timeout: 10_000, interval: 5 };

let upstream: http.Server;
let upstreamPort: number;
let directory: string;
let port: number;
let close: () => Promise<void>;

beforeAll(async () => {
  upstream = http.createServer((_request, response) => response.end('ok'));
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  upstreamPort = (upstream.address() as AddressInfo).port;
});
afterAll(() => {
  upstream.closeAllConnections();
  upstream.close();
});

beforeEach(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'banyan-reload-'));
  port = await freePort();
  save('platform/gateway.yaml', platform());
  for (const team of TEAMS) save(`${team}/routes.yaml`, routes(team, 0));
  close = await serveDirectory();
});
afterEach(async () => {
  await close();
  rmSync(directory, { recursive: true });
});

/** From files to sockets, as `banyan serve` puts it together. */
async function serveDirectory(): Promise<() => Promise<void>> {
  const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
  const tables = createHandle<RouteTable>();
  const endpoints = createHandle<EndpointTable>();
  const target = createHandle<CredentialTable>();
  const credentials = createFileCredentials({ target, log });
  const compiler = createCompiler(compileOptions());
  const reconciler = await startReconciler({
    source: directorySource({ directory, decode: decodeFile }),
    compile: (resources) => compiler.compile(resources),
    publish: (state) => publishState({ tables, endpoints, credentials }, state),
    clock: systemClock,
    log,
  });
  const errors: unknown[] = [];
  const gateway = await buildGateway({
    tables,
    endpoints,
    credentials: target,
    plugins: [],
    listenAddress: '127.0.0.1',
    portOffset: 0,
    clock: systemClock,
    mayDial: () => true,
    onError: (error) => errors.push(error),
  });
  await gateway.applied();
  return async () => {
    await reconciler.close();
    await gateway.close();
    credentials.close();
    expect(errors).toEqual([]);
  };
}

/** In one step, as careful editors and `git` do it. */
function save(file: string, text: string): void {
  const at = path.join(directory, file);
  mkdirSync(path.dirname(at), { recursive: true });
  writeFileSync(`${at}~`, text);
  renameSync(`${at}~`, at);
}

const platform = (): string => `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge }
spec:
  selector: { istio: ingressgateway }
  servers: [{ port: { number: ${port}, name: http, protocol: HTTP }, hosts: ["*"] }]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: web }
spec:
  hosts: [web.test]
  resolution: STATIC
  ports: [{ number: 80, name: http, protocol: HTTP }]
  endpoints: [{ address: 127.0.0.1, ports: { http: ${upstreamPort} } }]
`;

const routes = (team: string, version: number): string => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${team} }
spec:
  hosts: [${team}.example.com]
  gateways: [platform/edge]
  http:
    - headers: { response: { set: { x-version: "${version}" } } }
      route: [{ destination: { host: web.test } }]
`;

interface Answer {
  readonly status: number;
  readonly version: number;
}

function ask(team: string, agent: http.Agent | false = false): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { port, path: '/', agent, headers: { host: `${team}.example.com` } };
    const request = http.get(options, (response) => {
      response.resume();
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, version: Number(response.headers['x-version'] ?? Number.NaN) }),
      );
    });
    request.on('error', reject);
  });
}

describe('a directory that is edited while it is served', () => {
  it('fails no request, and every answer is by the state before an edit or by the one after it', async () => {
    /** Of each team: what was written last, and what was seen in service since. */
    const written = new Map(TEAMS.map((team) => [team, 0]));
    const seen = new Map(TEAMS.map((team) => [team, 0]));
    const wrong: unknown[] = [];
    let answers = 0;
    let over = false;
    const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
    const callAgain = async (team: string): Promise<void> => {
      while (!over) {
        const oldest = seen.get(team) as number;
        const answer = await ask(team, agent).catch((error: Error) => ({ status: 0, version: 0, error }));
        const newest = written.get(team) as number;
        if (answer.status !== 200 || answer.version < oldest || answer.version > newest)
          wrong.push({ team, answer, oldest, newest });
        else if (answer.version > (seen.get(team) as number)) seen.set(team, answer.version);
        answers += 1;
      }
    };
    const callers = [...TEAMS, ...TEAMS].map((team) => callAgain(team));
    for (let version = 1; version <= ROUNDS; version++) {
      for (const team of TEAMS) {
        written.set(team, version);
        save(`${team}/routes.yaml`, routes(team, version));
      }
      await vi.waitFor(() => expect([...seen.values()]).toEqual(TEAMS.map(() => version)), PATIENCE);
    }
    over = true;
    await Promise.all(callers);
    agent.destroy();
    expect(wrong).toEqual([]);
    expect(answers).toBeGreaterThan(TEAMS.length * ROUNDS);
  });

  it('serves what a swapped ConfigMap mount says', async () => {
    const mount = path.join(directory, 'mounted');
    const swap = (version: number): void => {
      const data = path.join(mount, `..v${version}`);
      mkdirSync(data, { recursive: true });
      writeFileSync(path.join(data, 'routes.yaml'), routes('mounted', version));
      symlinkSync(`..v${version}`, path.join(mount, '..data_tmp'));
      renameSync(path.join(mount, '..data_tmp'), path.join(mount, '..data'));
    };
    swap(1);
    symlinkSync('..data/routes.yaml', path.join(mount, 'routes.yaml'));
    await vi.waitFor(async () => expect(await ask('mounted')).toEqual({ status: 200, version: 1 }), PATIENCE);
    swap(2);
    await vi.waitFor(async () => expect(await ask('mounted')).toEqual({ status: 200, version: 2 }), PATIENCE);
  });

  it('stops serving what a deleted file said, and nothing else', async () => {
    expect(await ask('red')).toEqual({ status: 200, version: 0 });
    rmSync(path.join(directory, 'red/routes.yaml'));
    await vi.waitFor(async () => expect((await ask('red')).status).toBe(404), PATIENCE);
    expect(await ask('green')).toEqual({ status: 200, version: 0 });
  });

  it('goes on with the last good state of a file that breaks', async () => {
    save('red/routes.yaml', `${routes('red', 1)}\n  broken: [`);
    save('green/routes.yaml', routes('green', 1));
    await vi.waitFor(async () => expect((await ask('green')).version).toBe(1), PATIENCE);
    expect(await ask('red')).toEqual({ status: 200, version: 0 });
  });
});
