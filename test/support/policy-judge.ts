import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { authJwtSpec } from '../../plugins/auth-jwt/config.ts';
import { createJwtFilter } from '../../plugins/auth-jwt/hook.ts';
import { authorizationSpec } from '../../plugins/authorization/config.ts';
import { createAuthorizationFilter } from '../../plugins/authorization/hook.ts';
import { externalAuthorizationSpec } from '../../plugins/external-authorization/config.ts';
import { createExternalAuthorizationFilter } from '../../plugins/external-authorization/hook.ts';
import { type Compilation, compile } from '../../src/compiler/index.ts';
import { type Filter, HeaderList, type LocalReply, type OwnAnswer, type OwnRequest } from '../../src/contract/index.ts';
import { trustedClientAddress } from '../../src/dataplane/client-address.ts';
import { applyHeaderPolicy } from '../../src/dataplane/request-headers.ts';
import { readTarget } from '../../src/dataplane/request-target.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { DEFAULT_MESH_SETTINGS, decodeMeshConfig, resourceSet } from '../../src/resources/index.ts';
import { decodeFile } from '../../src/sources/decode-file.ts';
import { parseYaml } from '../../src/sources/yaml.ts';
import { type BoundTable, bindTable, matchRequest, normalizePath, parseHost } from '../../src/table/index.ts';
import { FakeExchange } from './fake-exchange.ts';

/*
 * The recorded answers of Istio, as far as policies decide them, without a data plane: a case's resources are compiled, its
 * requests run through the three filters in their order, and what they say is held against what was recorded.
 */

export interface PolicyCase {
  readonly requests: readonly CaseRequest[];
  readonly answers: Readonly<Record<string, CaseAnswer>>;
  judge(request: CaseRequest): Promise<Judgement | undefined>;
}

export interface CaseRequest {
  readonly id: string;
  readonly port: number;
  readonly method?: string;
  readonly target?: string;
  readonly host?: string;
  readonly headers?: readonly (readonly [string, string])[];
  readonly body?: string;
  readonly protocol?: string;
  readonly raw?: string;
  readonly tls?: unknown;
}

interface CaseAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string;
  readonly attempts?: readonly CaseAttempt[];
}

export interface CaseAttempt {
  readonly backend: string;
  readonly method: string;
  readonly target: string;
  readonly authority: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

export type Judgement =
  | { readonly kind: 'answered'; readonly reply: LocalReply; readonly checks: readonly OwnRequest[] }
  | { readonly kind: 'passed'; readonly exchange: FakeExchange; readonly checks: readonly OwnRequest[] };

const SPECS = [externalAuthorizationSpec, authJwtSpec, authorizationSpec];
const CLIENT = '198.18.0.9';

export function loadPolicyCase(dir: string): PolicyCase {
  const read = (file: string): unknown => JSON.parse(readFileSync(join(dir, file), 'utf8'));
  const {
    requests,
    documents = {},
    backends = {},
  } = read('case.json') as {
    readonly requests: readonly CaseRequest[];
    readonly documents?: Documents;
    readonly backends?: Readonly<Record<string, string>>;
  };
  const { answers } = read('answers.json') as { readonly answers: PolicyCase['answers'] };
  const compilation = compileCase(dir);
  const bound = bindTable(compilation.table);
  const isUp = Object.values(backends).includes('extauthz');
  const checks: OwnRequest[] = [];
  const call = async (_: string, request: OwnRequest): Promise<OwnAnswer> => {
    checks.push(request);
    return isUp ? authorize(request) : { kind: 'failed', reason: 'refused' };
  };
  const filters = [
    createExternalAuthorizationFilter(call),
    createJwtFilter({ clock: systemClock, mayDial: () => true, warn: () => undefined, fetch: fetchFrom(documents) }),
    createAuthorizationFilter(),
  ] as unknown as readonly Filter[];
  return {
    requests,
    answers,
    async judge(request) {
      checks.length = 0;
      const exchange = readRequest(request, compilation, bound);
      if (exchange === undefined) return undefined;
      const settings = filters.map(({ name }) => compilation.table.filters[name]);
      for (const [i, filter] of filters.entries())
        if (settings[i] !== undefined) filter.prepare?.(exchange, settings[i]);
      exchange.reselectRoute();
      for (const [i, filter] of filters.entries()) {
        const reply = settings[i] === undefined ? undefined : await filter.request?.(exchange, settings[i]);
        if (reply !== undefined) return { kind: 'answered', reply, checks: [...checks] };
      }
      return { kind: 'passed', exchange, checks: [...checks] };
    },
  };
}

export function compileCase(dir: string): Compilation {
  const root = join(dir, 'resources');
  const objects = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.yaml'))
    .flatMap((file) => {
      const text = readFileSync(join(root, file), 'utf8');
      return decodeFile({ file, text, namespace: file.split('/')[0] ?? '' }, undefined).objects;
    });
  const meshFile = join(dir, 'mesh.yaml');
  const mesh = existsSync(meshFile)
    ? parseYaml(readFileSync(meshFile, 'utf8'), 'mesh.yaml').documents.map(
        ({ value, origin }) => decodeMeshConfig(value, origin).settings,
      )[0]
    : undefined;
  // Istio's default where the case does not say; ours is another (product.md).
  const normalization =
    existsSync(meshFile) && readFileSync(meshFile, 'utf8').includes('pathNormalization')
      ? mesh?.pathNormalization
      : undefined;
  return compile(resourceSet(objects), {
    gatewayLabels: { istio: 'ingressgateway', app: 'istio-ingressgateway' },
    gatewayNamespace: 'istio-system',
    mesh: { ...(mesh ?? DEFAULT_MESH_SETTINGS), pathNormalization: normalization ?? 'base' },
    filters: SPECS,
  });
}

/** undefined: it ends before any filter sees it. */
function readRequest(request: CaseRequest, { table }: Compilation, bound: BoundTable): FakeExchange | undefined {
  if (request.raw !== undefined || request.tls !== undefined) return undefined;
  const listener = table.listeners.find(({ port }) => port === request.port);
  if (listener?.plaintext?.kind !== 'http') return undefined;
  const { routeConfig } = listener.plaintext;
  const headers = HeaderList.from((request.headers ?? []).map(([name, value]) => [name, value.trim()] as const));
  const clientAddress = trustedClientAddress(
    CLIENT,
    headers.getAll('x-forwarded-for'),
    table.settings.numTrustedProxies,
  );
  const accepted = applyHeaderPolicy(headers, {
    settings: table.settings,
    remoteAddress: CLIENT,
    secure: false,
    clientAddress,
    certificate: undefined,
    upgrade: undefined,
  });
  const target = readTarget(request.target ?? '/', request.host, []);
  if (!accepted.ok || !target.ok) return undefined;
  const host = parseHost(target.value.authority);
  const path = normalizePath(target.value.path, table.settings.pathNormalization);
  if (!host.ok || !path.ok) return undefined;
  const exchange = new FakeExchange({
    method: request.method ?? 'GET',
    authority: target.value.authority,
    path: path.path,
    query: target.value.query,
    headers: [...headers],
    body: Buffer.from(request.body ?? '', 'latin1'),
    peerAddress: CLIENT,
    clientAddress,
    listenerPort: request.port,
    route: null,
  });
  exchange.reselectRoute = () => {
    exchange.route = matchRequest(bound, routeConfig, exchange).route;
  };
  return exchange;
}

type Documents = Readonly<Record<string, { readonly status?: number; readonly body?: string } | string>>;

const fetchFrom =
  (documents: Documents) =>
  async (address: string): Promise<string> => {
    const document = documents[new URL(address).pathname];
    if (document === undefined) throw new Error('no such document');
    if (typeof document === 'string') return document;
    if ((document.status ?? 200) !== 200) throw new Error(`status ${document.status}`);
    return document.body ?? '';
  };

/** What the recordings' authorizer does (test/istio/tools/echo.mjs). */
function authorize({ headers, timeoutMs }: OwnRequest): OwnAnswer {
  const get = (name: string): string | undefined => headers.find(([one]) => one === name)?.[1];
  if (Number(get('x-echo-authz-delay') ?? 0) > timeoutMs) return { kind: 'failed', reason: 'timeout' };
  const allow = get('x-ext-authz') === 'allow';
  const answer: [string, string][] = [['x-ext-authz-result', allow ? 'allowed' : 'denied']];
  if (allow) answer.push(['x-from-authz', 'yes']);
  for (const pair of (get('x-echo-authz-header') ?? '').split(/,(?=[\w-]+=)/)) {
    const equals = pair.indexOf('=');
    if (equals > 0) answer.push([pair.slice(0, equals).trim().toLowerCase(), pair.slice(equals + 1)]);
  }
  return {
    kind: 'answer',
    status: Number(get('x-echo-authz-status') ?? (allow ? 200 : 403)),
    headers: answer,
    body: Buffer.from(get('x-echo-authz-body') ?? ''),
  };
}

/* --------------------------------------------------------- comparison */

/** Added by the data plane, not by a filter; or left out of the recordings. */
const NOT_COMPARED = new Set(['x-envoy-external-address', 'x-forwarded-for', 'x-forwarded-proto', 'accept', 'te']);

const isCompared = (name: string): boolean => !NOT_COMPARED.has(name) && !name.startsWith('x-echo-');

/** What of a judgement the recording contradicts; empty: nothing. */
export function contradictions(judgement: Judgement, answer: CaseAnswer): readonly string[] {
  const attempts = answer.attempts ?? [];
  const asked = attempts.filter(({ backend }) => backend.endsWith(':9000'));
  const reached = attempts.find(({ backend }) => !backend.endsWith(':9000'));
  const ofChecks = checkContradictions(judgement.checks, asked);
  if (judgement.kind === 'answered') {
    const { status } = judgement.reply;
    if (reached !== undefined || answer.status !== status) return [...ofChecks, `${status}, recorded ${answer.status}`];
    return ofChecks;
  }
  const isRefusal = answer.status === 401 || answer.status === 403;
  if (reached === undefined) return isRefusal ? [...ofChecks, `passed, recorded ${answer.status}`] : ofChecks;
  return [...ofChecks, ...forwardContradictions(judgement.exchange, reached)];
}

function checkContradictions(checks: readonly OwnRequest[], asked: readonly CaseAttempt[]): readonly string[] {
  const [check] = checks;
  const [recorded] = asked;
  // The recordings know a check only by a header that not every case sends along.
  if (recorded === undefined) return [];
  if (check === undefined) return ['not asked'];
  const line = `${check.method} ${check.authority} ${check.path}`;
  const recordedLine = `${recorded.method} ${recorded.authority} ${recorded.target}`;
  const body = Buffer.from(check.body ?? []).toString('latin1');
  return [
    ...(line === recordedLine ? [] : [`check ${line}, recorded ${recordedLine}`]),
    ...(body === (recorded.body ?? '') ? [] : [`check with body ${body}, recorded ${recorded.body}`]),
    ...headerContradictions(check.headers, recorded.headers),
  ];
}

function forwardContradictions(exchange: FakeExchange, recorded: CaseAttempt): readonly string[] {
  const action = exchange.route?.action;
  const isRewritten = action?.kind === 'forward' && action.pathRewrite !== undefined;
  const target = exchange.path + exchange.query;
  return [
    ...(isRewritten || target === recorded.target ? [] : [`target ${target}, recorded ${recorded.target}`]),
    ...headerContradictions(exchange.headers, recorded.headers),
  ];
}

function headerContradictions(
  lines: Iterable<readonly [string, string]>,
  recorded: Readonly<Record<string, string>>,
): readonly string[] {
  const folded = new Map<string, string>();
  for (const [name, value] of lines) {
    if (!isCompared(name)) continue;
    const text = value.trim().replace(/\s*,\s*/g, ',');
    const before = folded.get(name);
    folded.set(name, before === undefined ? text : `${before},${text}`);
  }
  // RFC 9113 §8.2.3: crumbs are one field.
  const oneField = (name: string, value = ''): string =>
    name === 'cookie' ? value.replaceAll(/[;,]\s*/g, '; ') : value;
  const names = new Set([...folded.keys(), ...Object.keys(recorded).filter(isCompared)]);
  return [...names]
    .filter((name) => oneField(name, folded.get(name)) !== oneField(name, recorded[name]))
    .map((name) => `${name}: ${folded.get(name)}, recorded ${recorded[name]}`);
}
