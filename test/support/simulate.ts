import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Compilation } from '../../src/compiler/compilation.ts';
import { compile } from '../../src/compiler/index.ts';
import { HeaderList } from '../../src/contract/headers.ts';
import type { FilterSpec } from '../../src/contract/plugin.ts';
import { redirectLocation, tlsRedirectLocation } from '../../src/dataplane/redirect.ts';
import { applyHeaderPolicy } from '../../src/dataplane/request-headers.ts';
import { readTarget } from '../../src/dataplane/request-target.ts';
import { rewritePath } from '../../src/dataplane/rewrite.ts';
import { decodeMeshConfig, type MeshSettings, type Origin, resourceSet } from '../../src/resources/index.ts';
import { parseYaml } from '../../src/sources/yaml.ts';
import {
  explainMatch,
  type ForwardAction,
  normalizePath,
  parseHost,
  type RequestFacts,
  type Route,
} from '../../src/table/index.ts';
import { compileOptions, readResources } from './resources.ts';

/*
 * Recorded cases without a data plane: the case's resources are compiled, the reference matcher chooses a route for each
 * request, and what can be known of the answer without sending anything is compared with the recording.
 */

export interface RecordedRequest {
  readonly id: string;
  readonly port: number;
  readonly method?: string;
  readonly target?: string;
  readonly host?: string;
  readonly scheme?: string;
  readonly headers?: readonly (readonly [string, string])[];
  readonly protocol?: string;
  readonly tls?: { readonly sni?: string };
  readonly raw?: string;
  readonly times?: number;
}

export interface RecordedAnswer {
  readonly error?: true;
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly counts?: Readonly<Record<string, number>>;
  readonly attempts?: readonly { readonly backend: string; readonly target: string; readonly authority: string }[];
}

export interface RecordedCase {
  readonly name: string;
  readonly compilation: Compilation;
  /** Where something answers; all other ports refuse connections. */
  readonly ports: ReadonlySet<string>;
  readonly requests: readonly RecordedRequest[];
  readonly answers: Readonly<Record<string, RecordedAnswer>>;
}

interface AnswersFile {
  readonly answers: Readonly<Record<string, RecordedAnswer>>;
}

const readJson = (file: string): unknown => JSON.parse(readFileSync(file, 'utf8'));

export function loadCase(dir: string): RecordedCase {
  const spec = readJson(join(dir, 'case.json')) as {
    requests: readonly RecordedRequest[];
    gatewayLabels?: Record<string, string>;
    backends?: Record<string, string>;
  };
  const { answers } = readJson(join(dir, 'answers.json')) as AnswersFile;
  const root = join(dir, 'resources');
  const objects = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.yaml'))
    .flatMap((file) => readResources(readFileSync(join(root, file), 'utf8'), file.split('/')[0] ?? '', file, false));
  const options = compileOptions({
    filters: [NOTED],
    mesh: readMesh(join(dir, 'mesh.yaml')),
    ...(spec.gatewayLabels !== undefined && { gatewayLabels: spec.gatewayLabels }),
  });
  const compilation = compile(resourceSet(objects), options);
  const ports = new Set(Object.keys(spec.backends ?? { 9080: 'http' }));
  return { name: relative('test/istio', dir), compilation, ports, requests: spec.requests, answers };
}

/** What filters would answer is not known here; that they have a say is. */
const NOTED: FilterSpec = {
  name: 'noted',
  kinds: [],
  compileRoute: ({ rule }) =>
    rule['fault'] === undefined && rule['corsPolicy'] === undefined
      ? undefined
      : { fault: rule['fault'] !== undefined, cors: rule['corsPolicy'] !== undefined },
};

interface Noted {
  readonly fault: boolean;
  readonly cors: boolean;
}

/** Istio's default where a case says nothing else: ours differs on purpose (product.md). */
function readMesh(file: string): MeshSettings {
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const [document] = parseYaml(text, file).documents;
  const { settings } = decodeMeshConfig(document?.value ?? {}, document?.origin ?? NOWHERE);
  return text.includes('pathNormalization') ? settings : { ...settings, pathNormalization: 'base' };
}

const NOWHERE: Origin = { file: '', locate: () => ({ file: '', line: 1, column: 1 }) };

/* -------------------------------------------------------- one request */

export type Prediction =
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly location?: string;
      readonly body?: string;
      readonly cause?: string;
    }
  /** One of these addresses is reached, with this target and Host. */
  | {
      readonly kind: 'forward';
      readonly backends: ReadonlySet<string>;
      readonly target: string;
      readonly authority: string;
    }
  /** Some requests go nowhere, or it depends on the draw where: nothing more is known. */
  | { readonly kind: 'mixed'; readonly backends: ReadonlySet<string> }
  /** No answer at all. */
  | { readonly kind: 'nothing' };

/** undefined: what happens depends on more than the table. */
export function predict({ compilation, ports }: RecordedCase, request: RecordedRequest): Prediction | undefined {
  if (request.raw !== undefined || request.protocol === 'tcp' || request.protocol === 'tls') return undefined;
  const routeConfig = routeConfigFor(compilation, request);
  if (routeConfig === undefined) return { kind: 'nothing' };
  const facts = factsOf(compilation, request);
  if (typeof facts === 'number') return { kind: 'status', status: facts };
  const found = explainMatch(compilation.table, routeConfig, facts);
  const secure = request.tls !== undefined;
  const scheme = secure ? ('https' as const) : ('http' as const);
  const redirectFacts = { ...facts, scheme, secure, forwardedProto: scheme };
  if (found.redirectToTls) return { kind: 'status', status: 301, location: tlsRedirectLocation(redirectFacts) };
  if (found.route === undefined) return { kind: 'status', status: 404 };
  if (isFiltered(found.route, facts)) return undefined;
  const prediction = predictRoute(found.route, compilation, facts, redirectFacts);
  const refuses = (address: string): boolean => !ports.has(address.slice(address.lastIndexOf(':') + 1));
  return prediction?.kind === 'forward' && [...prediction.backends].some(refuses) ? undefined : prediction;
}

/** Faults come by chance; preflights are answered by the CORS filter. */
function isFiltered({ filters, action }: Route, { method }: RequestFacts): boolean {
  const noted = filters['noted'] as Noted | undefined;
  return action.kind === 'forward' && (noted?.fault === true || (noted?.cors === true && method === 'OPTIONS'));
}

function predictRoute(
  { action }: Route,
  compilation: Compilation,
  facts: RequestFacts,
  redirectFacts: Parameters<typeof redirectLocation>[1],
): Prediction | undefined {
  switch (action.kind) {
    case 'redirect':
      return { kind: 'status', status: action.status, location: redirectLocation(action, redirectFacts) };
    case 'direct-response':
      return {
        kind: 'status',
        status: action.status,
        body: Buffer.from(action.bodyBase64 ?? '', 'base64').toString('utf8'),
      };
    case 'failed':
      return { kind: 'status', status: 503, cause: action.cause };
    case 'forward':
      return predictForward(action, compilation, facts);
  }
}

function predictForward(action: ForwardAction, compilation: Compilation, facts: RequestFacts): Prediction | undefined {
  const { clusters, settings } = compilation.table;
  const reached = action.destinations.map(({ cluster }) => {
    const definition = clusters.find(({ id }) => id === cluster);
    const endpoints = compilation.endpoints.clusters[cluster] ?? [];
    return {
      exists: definition !== undefined,
      addresses: endpoints.filter((e) => e.healthy).map((e) => `${e.address}:${e.port}`),
    };
  });
  const path = rewritePath(facts.path, action.pathRewrite, settings.pathNormalization);
  if (path === undefined) return { kind: 'status', status: 400 };
  const backends = new Set(reached.flatMap(({ addresses }) => addresses));
  if (reached.every(({ addresses }) => addresses.length === 0)) return { kind: 'status', status: 503 };
  if (reached.some(({ addresses }) => addresses.length === 0)) return { kind: 'mixed', backends };
  const authority = action.hostRewrite ?? action.destinations[0]?.hostRewrite ?? facts.authority;
  return { kind: 'forward', backends, target: path + facts.query, authority };
}

/** Where a connection to that port, with that SNI, ends up. */
function routeConfigFor(compilation: Compilation, request: RecordedRequest): string | undefined {
  const listener = compilation.table.listeners.find(({ port }) => port === request.port);
  if (request.tls === undefined) {
    return listener?.plaintext?.kind === 'http' ? listener.plaintext.routeConfig : undefined;
  }
  const sni = request.tls.sni?.toLowerCase() ?? '';
  const candidates = (listener?.tls ?? []).flatMap((server) =>
    server.serverNames
      .filter((name) => name === '*' || name === sni || (name.startsWith('*') && sni.endsWith(name.slice(1))))
      .map((name) => ({ server, rank: name === sni ? 1000 : name === '*' ? 0 : name.length })),
  );
  const [best] = candidates.sort((a, b) => b.rank - a.rank);
  return best?.server.handling.kind === 'http' ? best.server.handling.routeConfig : undefined;
}

const isHttp2 = ({ protocol }: RecordedRequest): boolean => protocol === 'h2c' || protocol === 'h2';

/** Of HTTP/1.1: others are refused before anything is routed (istio-semantics §2.3). */
const METHODS = new Set(
  'CONNECT COPY DELETE GET HEAD LINK LOCK MERGE MKCOL MOVE NOTIFY OPTIONS PATCH POST PROPFIND PROPPATCH PURGE PUT REPORT SEARCH SUBSCRIBE TRACE UNLINK UNLOCK UNSUBSCRIBE'.split(
    ' ',
  ),
);

/** A number: the status that the request is refused with before any route is asked. */
function factsOf(compilation: Compilation, request: RecordedRequest): RequestFacts | number {
  if (!METHODS.has(request.method ?? 'GET') && !isHttp2(request)) return 400;
  const { settings } = compilation.table;
  const headers = HeaderList.from(request.headers ?? []);
  const secure = request.tls !== undefined;
  const refused = applyHeaderPolicy(headers, {
    settings,
    remoteAddress: '198.18.0.9',
    secure,
    clientAddress: '198.18.0.9',
    certificate: undefined,
    upgrade: undefined,
  });
  if (!refused.ok) return 400;
  headers.remove('x-echo-id');
  const isH2 = isHttp2(request);
  const hostLines = request.host === undefined ? [] : [request.host];
  const target = readTarget(request.target ?? '/', isH2 ? request.host : undefined, isH2 ? [] : hostLines);
  if (!target.ok) return 400;
  const host = parseHost(target.value.authority);
  const path = normalizePath(target.value.path, settings.pathNormalization);
  if (!host.ok || !path.ok) return 400;
  return {
    host: host.host,
    path: path.path,
    query: target.value.query,
    method: request.method ?? 'GET',
    authority: target.value.authority,
    scheme: request.scheme ?? (secure ? 'https' : 'http'),
    headers,
    identity: undefined,
  };
}

/* --------------------------------------------------------- comparison */

/** What of a prediction the recording contradicts; undefined: nothing. */
export function contradiction(prediction: Prediction, answer: RecordedAnswer): string | undefined {
  if (answer.counts !== undefined) return countsContradiction(prediction, answer.counts);
  if (prediction.kind === 'nothing')
    return answer.error === true ? undefined : `no listener, recorded ${answer.status}`;
  if (answer.error === true) return `recorded no answer at all, predicted ${describe(prediction)}`;
  const attempts = answer.attempts ?? [];
  switch (prediction.kind) {
    case 'status':
      return statusContradiction(prediction, answer);
    case 'mixed':
      return attempts.every(({ backend }) => prediction.backends.has(backend))
        ? undefined
        : `recorded ${attempts[0]?.backend}, predicted ${describe(prediction)}`;
    case 'forward': {
      // Fewer attempts than one: something between the route and the backend, such as a filter, answered.
      const last = attempts.at(-1);
      if (last === undefined) return `recorded ${answer.status} without a backend, predicted ${describe(prediction)}`;
      if (!prediction.backends.has(last.backend)) return `recorded ${last.backend}, predicted ${describe(prediction)}`;
      if (last.target !== prediction.target) return `recorded target ${last.target}, predicted ${prediction.target}`;
      if (last.authority !== prediction.authority) {
        return `recorded authority ${last.authority}, predicted ${prediction.authority}`;
      }
      return undefined;
    }
  }
}

function statusContradiction(
  prediction: Extract<Prediction, { kind: 'status' }>,
  answer: RecordedAnswer,
): string | undefined {
  if (answer.status !== prediction.status || (answer.attempts ?? []).length > 0) {
    return `recorded ${answer.status}${answer.attempts?.[0] ? ` of ${answer.attempts[0].backend}` : ''}, predicted ${describe(prediction)}`;
  }
  const location = answer.headers?.['location'];
  if (prediction.location !== undefined && location !== prediction.location) {
    return `recorded location ${location}, predicted ${prediction.location}`;
  }
  if (prediction.body !== undefined && answer.body !== undefined && answer.body !== prediction.body) {
    return `recorded body ${answer.body}, predicted ${prediction.body}`;
  }
  return undefined;
}

function countsContradiction(prediction: Prediction, counts: Readonly<Record<string, number>>): string | undefined {
  // Bursts and stickiness are counted otherwise than by backend.
  if (Object.keys(counts).some((key) => !key.includes(' '))) return undefined;
  const seen = new Set(Object.keys(counts).map((key) => key.split(' ')[1] ?? ''));
  const wanted = new Set(prediction.kind === 'forward' || prediction.kind === 'mixed' ? prediction.backends : []);
  if (prediction.kind === 'mixed' || prediction.kind === 'status') wanted.add('-');
  return [...seen].every((backend) => wanted.has(backend))
    ? undefined
    : `recorded ${[...seen]}, predicted ${describe(prediction)}`;
}

const describe = (prediction: Prediction): string =>
  JSON.stringify(prediction, (_key, value) => (value instanceof Set ? [...value] : value));
