import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { inject, onTestFinished, vi } from 'vitest';
import { type ApiClient, createApiClient, loadAccess } from '../../src/sources/kubernetes.ts';

/** Waits for what is to come, however busy the machine is. */
export const soon = (expected: () => unknown): Promise<unknown> =>
  vi.waitFor(expected, { timeout: 20_000, interval: 20 });

export interface Applied {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly [field: string]: unknown;
}

/** As an operator would, by server-side apply. */
export class Cluster {
  readonly client: ApiClient;
  readonly kubeconfig: string;

  constructor(client: ApiClient, kubeconfig: string) {
    this.client = client;
    this.kubeconfig = kubeconfig;
  }

  apply(object: Applied): Promise<unknown> {
    return this.client.send('PATCH', `${pathTo(object)}?fieldManager=test&force=true`, {
      body: object,
      contentType: 'application/apply-patch+yaml',
    });
  }

  get<T>(object: Applied): Promise<T> {
    return this.client.send<T>('GET', pathTo(object));
  }

  delete(object: Applied): Promise<unknown> {
    return this.client.send('DELETE', pathTo(object));
  }

  async kubectl(...args: readonly string[]): Promise<string> {
    const { stdout } = await promisify(execFile)(inject('kubectl'), ['--kubeconfig', this.kubeconfig, ...args]);
    return stdout;
  }
}

export async function cluster(kubeconfig: string = inject('kubeconfig')): Promise<Cluster> {
  const client = createApiClient(await loadAccess(kubeconfig));
  onTestFinished(() => client.close());
  return new Cluster(client, kubeconfig);
}

const PLURALS: Readonly<Record<string, string>> = {
  ServiceEntry: 'serviceentries',
  AuthorizationPolicy: 'authorizationpolicies',
};

function pathTo({ apiVersion, kind, metadata }: Applied): string {
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const plural = PLURALS[kind] ?? `${kind.toLowerCase()}s`;
  return `${root}${metadata.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`}/${plural}/${metadata.name}`;
}

export const namespace = (name: string, labels: Readonly<Record<string, string>> = {}): Applied => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name, labels } as { readonly name: string },
});

/** Each test has its own port, so that none answers for another. */
export const gateway = (ns: string, port: number): Applied => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'Gateway',
  metadata: { name: 'public', namespace: ns },
  spec: {
    selector: { istio: ns },
    servers: [{ port: { number: port, name: 'http', protocol: 'HTTP' }, hosts: ['*/*'] }],
  },
});

/** Namespaces, the first with a Gateway of its own. Resolves with its port. */
export async function openGateway(kube: Cluster, ns: string, ...others: readonly string[]): Promise<number> {
  for (const name of [ns, ...others]) await kube.apply(namespace(name));
  const port = await freePort();
  await kube.apply(gateway(ns, port));
  return port;
}

/** Answers with a text of its own, so that no service is needed. */
export const route = (ns: string, name: string, text: string, host = `${name}.example.com`): Applied => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'VirtualService',
  metadata: { name, namespace: ns },
  spec: {
    hosts: [host],
    gateways: [`${ns}/public`],
    http: [{ directResponse: { status: 200, body: { string: text } } }],
  },
});

export interface Answer {
  readonly status: number;
  readonly body: string;
}

export interface Served {
  readonly port: number;
  readonly child: ChildProcess;
  log(): string;
  /** What a request to the host is answered with. */
  ask(host: string, path?: string): Promise<Answer>;
  /** Of the admin listener. */
  admin(path: string): Promise<Answer>;
  /** Of `/metrics`; undefined: there is no such line. */
  metric(line: string): Promise<number | undefined>;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/** `banyan serve --kubernetes`, as a process; `ns` is the label that its Gateways select. */
export async function serve(kubeconfig: string, ns: string, port: number, ...more: readonly string[]): Promise<Served> {
  const admin = await freePort();
  const flags = ['--kubeconfig', kubeconfig, '--listen-address', '127.0.0.1', '--admin-port', String(admin)];
  const usual = ['--gateway-labels', `istio=${ns}`, '--workers', '1', '--access-log', 'off', '--drain-seconds', '1'];
  const offset = more.includes('--port-offset') ? Number(more[more.indexOf('--port-offset') + 1]) : 0;
  const child = spawn(process.execPath, ['bin/banyan.js', 'serve', '--kubernetes', ...flags, ...usual, ...more], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let log = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    log += text;
  });
  const stop = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((done) => child.once('exit', done));
    child.kill(signal);
    await ended;
  };
  onTestFinished(() => stop());
  const metric = async (line: string): Promise<number | undefined> => {
    const lines = (await ask(admin, 'localhost', '/metrics')).body.split('\n');
    const found = lines.find((one) => one.startsWith(`${line} `));
    return found === undefined ? undefined : Number(found.slice(line.length));
  };
  const own = port + offset;
  return {
    port: own,
    child,
    log: () => log,
    ask: (host, path = '/') => ask(own, host, path),
    admin: (path) => ask(admin, 'localhost', path),
    metric,
    stop,
  };
}

function ask(port: number, host: string, path: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path, headers: { host }, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    sent.on('error', reject).end();
  });
}

export async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((done) => probe.listen(0, '127.0.0.1', done));
  const { port } = probe.address() as AddressInfo;
  await new Promise((done) => probe.close(done));
  return port;
}
