import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ApiAccess } from '../../../../src/sources/kubernetes.ts';

export interface FakeObject {
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly [field: string]: unknown };
  readonly [field: string]: unknown;
}

interface Event {
  readonly type: string;
  readonly path: string;
  readonly version: number;
  readonly object: FakeObject;
}

export interface Call {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: unknown;
}

/** Takes a call in hand, true, or leaves it to the server. */
export type Fault = (call: Call, response: ServerResponse) => boolean;

export const when =
  (which: (call: Call) => boolean, what: (response: ServerResponse) => void): Fault =>
  (call, response) => {
    if (!which(call)) return false;
    what(response);
    return true;
  };

const RESOURCES: Readonly<Record<string, readonly string[]>> = {
  '/api/v1': ['services', 'pods', 'secrets', 'namespaces', 'events'],
  '/apis/discovery.k8s.io/v1': ['endpointslices'],
  '/apis/networking.istio.io/v1': [
    'gateways',
    'virtualservices',
    'destinationrules',
    'serviceentries',
    'workloadentries',
  ],
  '/apis/security.istio.io/v1': ['requestauthentications', 'authorizationpolicies'],
  '/apis/banyan.dev/v1alpha1': ['ratelimits'],
  '/apis/coordination.k8s.io/v1': ['leases'],
};
export const VIRTUAL_SERVICES = '/apis/networking.istio.io/v1/virtualservices';
export const GATEWAYS = '/apis/networking.istio.io/v1/gateways';

/** An API server that does as it is told, wrong things too. */
export class FakeApi {
  readonly calls: Call[] = [];
  readonly resources = new Map(Object.entries(RESOURCES));
  /** Each call goes through these first. */
  readonly faults: Fault[] = [];
  headers: Readonly<Record<string, string>> = {};
  readonly #objects = new Map<string, Map<string, FakeObject>>();
  readonly #history: Event[] = [];
  readonly #watchers = new Set<{ readonly path: string; readonly response: ServerResponse }>();
  readonly #server: Server;
  #version = 100;
  #isReachable = true;

  constructor() {
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  async listen(): Promise<void> {
    await new Promise<void>((done) => this.#server.listen(0, '127.0.0.1', done));
  }

  get access(): ApiAccess {
    const server = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    return {
      server,
      namespace: 'default',
      credentials: () => Promise.resolve({ headers: this.headers, tls: NO_TLS }),
      refused: () => Promise.resolve(),
    };
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }

  /** Creates or replaces. */
  put(path: string, object: FakeObject): FakeObject {
    const known = this.#at(path).get(keyOf(object));
    const version = ++this.#version;
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
    this.#at(path).set(keyOf(object), stored);
    this.#happen({ type: known === undefined ? 'ADDED' : 'MODIFIED', path, version, object: stored });
    return stored;
  }

  delete(path: string, object: FakeObject): void {
    this.#at(path).delete(keyOf(object));
    const version = ++this.#version;
    const gone = { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
    this.#happen({ type: 'DELETED', path, version, object: gone });
  }

  /** Forgets without telling anybody. */
  lose(path: string): void {
    this.#at(path).clear();
    this.#version++;
  }

  /** Goes back to an older state, as when etcd is restored from a backup. */
  rewind(version: number): void {
    this.#version = version;
    this.#history.length = 0;
  }

  /** From now on nothing comes through, in either direction; connections that there are now stay dead for good. */
  partition(): void {
    this.#isReachable = false;
    this.#watchers.clear();
  }

  heal(): void {
    this.#isReachable = true;
  }

  get(path: string, key: string): FakeObject | undefined {
    return this.#at(path).get(key);
  }

  all(path: string): readonly FakeObject[] {
    return [...this.#at(path).values()];
  }

  /** Ends every watch as a server does that restarts. */
  dropWatches(how: 'end' | 'reset'): void {
    for (const { response } of this.#watchers) {
      if (how === 'end') response.end();
      else response.socket?.resetAndDestroy();
    }
    this.#watchers.clear();
  }

  /** Sends text to those who watch a path. */
  say(path: string, text: string): void {
    for (const watcher of this.#watchers) if (watcher.path === path) watcher.response.write(text);
  }

  watches(path: string): number {
    return [...this.#watchers].filter((watcher) => watcher.path === path).length;
  }

  get version(): number {
    return this.#version;
  }

  count(path: string, kind: 'list' | 'watch'): number {
    return this.calls.filter((call) => call.path === path && call.query.has('watch') === (kind === 'watch')).length;
  }

  #at(path: string): Map<string, FakeObject> {
    const known = this.#objects.get(path) ?? new Map<string, FakeObject>();
    this.#objects.set(path, known);
    return known;
  }

  #happen(event: Event): void {
    this.#history.push(event);
    for (const { path, response } of this.#watchers) if (path === event.path) response.write(lineOf(event));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    if (!this.#isReachable) return;
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const url = new URL(request.url ?? '/', 'http://api');
    const text = Buffer.concat(chunks).toString();
    const body: unknown = text === '' ? undefined : JSON.parse(text);
    const { method = 'GET', headers } = request;
    const call: Call = { method, path: url.pathname, query: url.searchParams, headers, body };
    this.calls.push(call);
    if (this.faults.some((fault) => fault(call, response))) return;
    const resources = this.resources.get(call.path);
    if (resources !== undefined) send(response, 200, { resources: resources.map((name) => ({ name })) });
    else if (method !== 'GET' || ONE.test(call.path)) this.#one(call, response);
    else if (!this.#isServed(call.path)) refuse(response, 404, 'NotFound');
    else if (call.query.has('watch')) this.#watch(call, response);
    else this.#list(call, response);
  }

  #isServed(path: string): boolean {
    const plain = path.replace(/\/namespaces\/[^/]+(?=\/)/, '');
    const slash = plain.lastIndexOf('/');
    return this.resources.get(plain.slice(0, slash))?.includes(plain.slice(slash + 1)) === true;
  }

  /** An object of its own: read, made, or merged with what is sent. */
  #one({ method, path, body }: Call, response: ServerResponse): void {
    const { root, namespace = '', plural, name } = (method === 'POST' ? MANY : ONE).exec(path)?.groups ?? {};
    const list = `${root}/${plural}`;
    const sent = body as FakeObject;
    const key = `${namespace}/${name ?? sent.metadata.name ?? this.#version}`;
    const known = this.get(list, key);
    const version = sent?.metadata?.['resourceVersion'];
    if (method === 'POST' && known !== undefined) refuse(response, 409, 'AlreadyExists');
    else if (method === 'POST')
      send(response, 201, this.put(list, merged({ metadata: { namespace } }, sent) as FakeObject));
    else if (known === undefined) refuse(response, 404, 'NotFound');
    else if (method === 'GET') send(response, 200, known);
    else if (version !== undefined && version !== known.metadata['resourceVersion']) refuse(response, 409, 'Conflict');
    else send(response, 200, this.put(list, merged(known, sent) as FakeObject));
  }

  #list({ path, query }: Call, response: ServerResponse): void {
    const all = [...this.#at(path).values()];
    const from = Number(query.get('continue') ?? 0);
    const to = from + Number(query.get('limit') ?? all.length);
    const next = to < all.length ? { continue: String(to) } : {};
    const metadata = { resourceVersion: String(this.#version), ...next };
    send(response, 200, { kind: 'List', metadata, items: all.slice(from, to) });
  }

  #watch({ path, query }: Call, response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    const since = Number(query.get('resourceVersion'));
    for (const event of this.#history) if (event.path === path && event.version > since) response.write(lineOf(event));
    const watcher = { path, response };
    this.#watchers.add(watcher);
    response.on('close', () => this.#watchers.delete(watcher));
  }
}

const MANY = /^(?<root>\/apis?(?:\/[^/]+)?\/v\w+)\/namespaces\/(?<namespace>[^/]+)\/(?<plural>[^/]+)$/;
const ONE =
  /^(?<root>\/apis?(?:\/[^/]+)?\/v\w+)\/namespaces\/(?<namespace>[^/]+)\/(?<plural>[^/]+)\/(?<name>[^/]+)(?:\/status)?$/;

/** RFC 7396. */
function merged(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const result: Record<string, unknown> = { ...(target as Record<string, unknown>) };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = merged(result[key], value);
  }
  return result;
}

const NO_TLS = { ca: undefined, cert: undefined, key: undefined, servername: undefined, rejectUnauthorized: true };
const keyOf = ({ metadata }: FakeObject): string => `${metadata.namespace ?? ''}/${metadata.name}`;
export const lineOf = ({ type, object }: { readonly type: string; readonly object: unknown }): string =>
  `${JSON.stringify({ type, object })}\n`;

export function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

export const refuse = (response: ServerResponse, code: number, reason: string): void =>
  send(response, code, { kind: 'Status', status: 'Failure', code, reason, message: `refused: ${reason}` });

export const virtualService = (name: string, host = `${name}.example.com`, namespace = 'shop'): FakeObject => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'VirtualService',
  metadata: { name, namespace, generation: 1 },
  spec: { hosts: [host], gateways: ['infra/public'], http: [{ directResponse: { status: 200 } }] },
});
