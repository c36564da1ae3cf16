/**
 * How fast the gateway is on a real API server: `node test/cluster/measure.ts KUBECONFIG VIRTUALSERVICES [EDITS] [RULES]`.
 * Prints the time from the start to ready, the memory of the process, and the time from an apply to the first answer
 * that shows it. Makes the namespaces `measure-0` … and leaves them.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ApiClient, ApiError, createApiClient, loadAccess } from '../../src/sources/kubernetes.ts';
import { freePort } from '../support/gateway.ts';

const [kubeconfig = '', count = '1000', edits = '200', rules = '3'] = process.argv.slice(2);
const NAMESPACES = 20;
const PORT = await freePort();
const ADMIN = await freePort();
const agent = new Agent({ keepAlive: true });
const API = '/apis/networking.istio.io/v1/namespaces';

const client = createApiClient(await loadAccess(kubeconfig));
await prepare(client, Number(count));
const child = spawn(
  process.execPath,
  [
    'bin/banyan.js',
    'serve',
    '--kubernetes',
    '--kubeconfig',
    kubeconfig,
    '--workers',
    '1',
    '--access-log',
    'off',
  ].concat(
    ['--gateway-labels', 'istio=measure', '--listen-address', '127.0.0.1', '--admin-port', String(ADMIN)],
    ['--gateway-namespace', 'measure-0', ...process.argv.slice(6)],
  ),
  { stdio: ['ignore', 'inherit', 'pipe'] },
);
// Whatever ends this must not leave the gateway behind.
process.on('exit', () => child.kill('SIGKILL'));
const beganMs = performance.now();
const readyMs = await new Promise<number>((resolve, reject) => {
  child.once('exit', (code) => reject(new Error(`the gateway ended with ${code}`)));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    if (text.includes('"level":"error"')) process.stdout.write(text);
    if (text.includes('"message":"ready"')) resolve(performance.now() - beganMs);
  });
});
const say = (what: string, value: string): void => void process.stdout.write(`${what.padEnd(44)} ${value}\n`);
say(`${count} VirtualServices of ${rules} rules, start to ready`, `${(readyMs / 1_000).toFixed(2)} s`);
say('resident memory, just ready', memory());
await sleep(30_000);
say('resident memory, half a minute later', memory());
const took: number[] = [];
for (let i = 0; i < Number(edits); i++) {
  const index = Math.floor((i * 7_919) % Number(count));
  const text = `edit ${i} ${Date.now()}`;
  const sentMs = performance.now();
  await put(client, index, text);
  while ((await ask(`v${index}.example.com`)) !== text) await sleep(2);
  took.push(performance.now() - sentMs);
  await sleep(20);
}
took.sort((a, b) => a - b);
const at = (share: number): string => `${(took[Math.floor((took.length - 1) * share)] ?? 0).toFixed(0)} ms`;
say(`${edits} edits, apply to served`, `p50 ${at(0.5)}, p90 ${at(0.9)}, p99 ${at(0.99)}, most ${at(1)}`);
say('resident memory at the end', memory());
const ended = new Promise((resolve) => child.once('exit', resolve));
child.kill('SIGTERM');
await ended;
await client.close();

function memory(): string {
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
  const mebibytes = (name: string): number =>
    Math.round(Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]) / 1_024);
  return `${mebibytes('VmRSS')} MiB, at most ${mebibytes('VmHWM')} so far`;
}

async function prepare(api: ApiClient, wanted: number): Promise<void> {
  for (let i = 0; i < NAMESPACES; i++) await prepareNamespace(api, `measure-${i}`);
  const servers = [{ port: { number: PORT, name: 'http', protocol: 'HTTP' }, hosts: ['*/*'] }];
  await api.send('PATCH', `${API}/measure-0/gateways/public?fieldManager=measure&force=true`, {
    contentType: 'application/apply-patch+yaml',
    body: {
      apiVersion: 'networking.istio.io/v1',
      kind: 'Gateway',
      metadata: { name: 'public' },
      spec: { selector: { istio: 'measure' }, servers },
    },
  });
  let next = 0;
  const work = async (): Promise<void> => {
    for (let i = next++; i < wanted; i = next++)
      await make(api, `${API}/measure-${i % NAMESPACES}/virtualservices`, virtualService(i, 'first'));
  };
  await Promise.all(Array.from({ length: 16 }, work));
}

/** With a service for its routes, and without the routes of the last time. */
async function prepareNamespace(api: ApiClient, name: string): Promise<void> {
  await make(api, '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  const ports = [{ name: 'http', port: 80 }];
  const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'service' }, spec: { ports } };
  await make(api, `/api/v1/namespaces/${name}/services`, service);
  await api.send('DELETE', `${API}/${name}/virtualservices`);
}

async function make(api: ApiClient, path: string, body: object): Promise<void> {
  await api.send('POST', path, { body }).catch((error: unknown) => {
    if (!(error instanceof ApiError && error.status === 409)) throw error;
  });
}

function put(api: ApiClient, index: number, text: string): Promise<unknown> {
  return api.send('PATCH', `${API}/measure-${index % NAMESPACES}/virtualservices/v${index}`, {
    contentType: 'application/merge-patch+json',
    body: { spec: virtualService(index, text).spec },
  });
}

/** Rules to a service, and a last one whose answer shows which version is served. */
function virtualService(index: number, text: string) {
  const matches = Array.from({ length: Number(rules) - 1 }, (_, rule) => ({
    name: `rule-${rule}`,
    match: [{ uri: { prefix: `/api/v${rule}/` }, headers: { 'x-tenant': { exact: `t${rule}` } } }],
    route: [{ destination: { host: 'service' } }],
    timeout: '5s',
  }));
  const last = { name: 'rest', directResponse: { status: 200, body: { string: text } } };
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name: `v${index}` },
    spec: { hosts: [`v${index}.example.com`], gateways: ['measure-0/public'], http: [...matches, last] },
  };
}

function ask(host: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port: PORT, headers: { host }, agent }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        body += part;
      });
      response.on('end', () => resolve(body));
    });
    sent.on('error', reject).end();
  });
}
