import type { FilterContext } from '../../src/contract/index.ts';
import { parseDurationMs } from '../../src/kernel/duration.ts';

/** `envoyExtAuthzHttp` of one of MeshConfig's extensionProviders, with every default filled in. */
export interface HttpProvider {
  readonly kind: 'http';
  readonly cluster: string;
  readonly timeoutMs: number;
  /** Put before the path of the request, as text. */
  readonly pathPrefix: string;
  /** A request passes when the authorizer cannot be asked. */
  readonly failOpen: boolean;
  readonly statusOnError: number;
  readonly headersInCheck: NameMatch;
  readonly additionalHeaders: readonly (readonly [name: string, value: string])[];
  readonly body: { readonly maxBytes: number; readonly allowPartial: boolean } | undefined;
  readonly toUpstreamOnAllow: NameMatch;
  readonly toDownstreamOnAllow: NameMatch;
  /** undefined: all of the authorizer's headers. */
  readonly toDownstreamOnDeny: NameMatch | undefined;
}

/** Names of headers in lower case: exact, `a*`, `*a`. */
export interface NameMatch {
  readonly exact: readonly string[];
  readonly prefixes: readonly string[];
  readonly suffixes: readonly string[];
}

type Fields = Readonly<Record<string, unknown>>;

const DEFAULT_TIMEOUT_MS = 600_000;

/** As text: why it cannot be asked. */
export function readProvider(name: string, context: FilterContext): HttpProvider | string {
  const providers = (context.mesh['extensionProviders'] ?? []) as readonly Fields[];
  const provider = providers.find((one) => one['name'] === name);
  if (provider === undefined) return 'it is not among the extensionProviders of the mesh settings';
  const fields = provider['envoyExtAuthzHttp'];
  if (typeof fields !== 'object' || fields === null) return 'it is not of the kind envoyExtAuthzHttp';
  return readHttpProvider(fields as Fields, context);
}

function readHttpProvider(fields: Fields, context: FilterContext): HttpProvider | string {
  const cluster = clusterOf(fields, context);
  if (cluster === undefined)
    return `its service ${String(fields['service'])}:${String(fields['port'])} is not known here`;
  const timeoutMs = timeoutOf(fields);
  if (timeoutMs === undefined) return `its timeout ${JSON.stringify(fields['timeout'])} is no duration`;
  const statusOnError = statusOf(fields);
  if (statusOnError === undefined)
    return `its statusOnError ${JSON.stringify(fields['statusOnError'])} is no HTTP status`;
  const pathPrefix = text(fields['pathPrefix']);
  if (pathPrefix !== '' && !pathPrefix.startsWith('/')) return 'its pathPrefix does not begin with a slash';
  const onDeny = texts(fields['headersToDownstreamOnDeny']);
  return {
    kind: 'http',
    cluster,
    timeoutMs,
    pathPrefix,
    failOpen: fields['failOpen'] === true,
    statusOnError,
    headersInCheck: nameMatch([
      ...texts(fields['includeRequestHeadersInCheck']),
      ...texts(fields['includeHeadersInCheck']),
    ]),
    additionalHeaders: Object.entries((fields['includeAdditionalHeadersInCheck'] ?? {}) as Fields).map(
      ([header, value]) => [header.toLowerCase(), String(value)] as const,
    ),
    body: bodyOf(fields['includeRequestBodyInCheck']),
    toUpstreamOnAllow: nameMatch(texts(fields['headersToUpstreamOnAllow'])),
    toDownstreamOnAllow: nameMatch(texts(fields['headersToDownstreamOnAllow'])),
    toDownstreamOnDeny: onDeny.length === 0 ? undefined : nameMatch([...onDeny, 'location', 'www-authenticate']),
  };
}

/** `service` is a host, or `namespace/host`; visible from the gateway it must be. */
function clusterOf(fields: Fields, context: FilterContext): string | undefined {
  const service = text(fields['service']);
  const port = Number(fields['port']);
  const host = service.includes('/') ? service.slice(service.indexOf('/') + 1) : service;
  return host === '' ? undefined : context.resolveCluster(host, port, context.gatewayNamespace);
}

function timeoutOf(fields: Fields): number | undefined {
  if (fields['timeout'] === undefined) return DEFAULT_TIMEOUT_MS;
  const duration = parseDurationMs(text(fields['timeout']));
  return duration.ok && duration.value > 0 ? duration.value : undefined;
}

function statusOf(fields: Fields): number | undefined {
  const written = fields['statusOnError'] ?? '';
  if (written === '') return 403;
  const status = Number(written);
  return Number.isInteger(status) && status >= 200 && status < 600 ? status : undefined;
}

function bodyOf(written: unknown): HttpProvider['body'] {
  if (typeof written !== 'object' || written === null) return undefined;
  const { maxRequestBytes, allowPartialMessage } = written as Fields;
  const maxBytes = Number(maxRequestBytes ?? 0);
  return maxBytes > 0 ? { maxBytes, allowPartial: allowPartialMessage === true } : undefined;
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '');

const texts = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];

function nameMatch(written: readonly string[]): NameMatch {
  const names = written.map((name) => name.toLowerCase());
  return {
    exact: names.filter((name) => !name.startsWith('*') && !name.endsWith('*')),
    prefixes: names.filter((name) => !name.startsWith('*') && name.endsWith('*')).map((name) => name.slice(0, -1)),
    suffixes: names.filter((name) => name.startsWith('*')).map((name) => name.slice(1)),
  };
}

export const namesMatch = ({ exact, prefixes, suffixes }: NameMatch, name: string): boolean =>
  exact.includes(name) ||
  prefixes.some((prefix) => name.startsWith(prefix)) ||
  suffixes.some((suffix) => name.endsWith(suffix));
