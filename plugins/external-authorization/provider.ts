import type { FilterContext } from '../../src/contract/index.ts';
import { parseDurationMs } from '../../src/kernel/duration.ts';

/** One of MeshConfig's extensionProviders, with every default filled in. */
export type Provider = HttpProvider | GrpcProvider;

interface AnyProvider {
  /** '' where the service is known and the port is not, or the gateway does not see it: an authorizer that fails. */
  readonly cluster: string;
  readonly timeoutMs: number;
  /** A request passes when the authorizer cannot be asked. */
  readonly failOpen: boolean;
  readonly statusOnError: number;
  /** The route is chosen anew when the authorizer has changed the request. */
  readonly clearRouteCache: boolean;
}

/** `envoyExtAuthzGrpc` */
export interface GrpcProvider extends AnyProvider {
  readonly kind: 'grpc';
  readonly authority: string;
  readonly body: BodyInCheck | undefined;
}

export interface BodyInCheck {
  readonly maxBytes: number;
  readonly allowPartial: boolean;
  /** As it came; else as UTF-8. */
  readonly packAsBytes: boolean;
}

/** `envoyExtAuthzHttp` */
export interface HttpProvider extends AnyProvider {
  readonly kind: 'http';
  /** Put before the path of the request, as text. */
  readonly pathPrefix: string;
  readonly headersInCheck: NameMatch;
  readonly additionalHeaders: readonly (readonly [name: string, value: string])[];
  readonly body: BodyInCheck | undefined;
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
export function readProvider(name: string, context: FilterContext): Provider | string {
  const providers = (context.mesh['extensionProviders'] ?? []) as readonly Fields[];
  const named = providers.filter((one) => one['name'] === name);
  if (named.length === 0) return 'it is not among the extensionProviders of the mesh settings';
  const authorizers = named.filter((one) => isFields(one['envoyExtAuthzHttp']) || isFields(one['envoyExtAuthzGrpc']));
  // Istio takes none of them then.
  if (authorizers.length > 1) return 'several extensionProviders of the mesh settings have its name';
  const { envoyExtAuthzHttp: http, envoyExtAuthzGrpc: grpc } = authorizers[0] ?? {};
  if (isFields(http)) return readHttpProvider(http, context);
  if (isFields(grpc)) return readGrpcProvider(grpc, context);
  return 'it is neither of the kind envoyExtAuthzHttp nor envoyExtAuthzGrpc';
}

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null;

function readAnyProvider(fields: Fields, context: FilterContext): AnyProvider | string {
  const unknown = whyUnknown(fields, context);
  if (unknown !== undefined) return unknown;
  const { host, port } = serviceOf(fields);
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    return `its port ${JSON.stringify(fields['port'])} is none from 1 to 65535`;
  const cluster = context.resolveCluster(host, port, context.gatewayNamespace) ?? '';
  const timeoutMs = timeoutOf(fields);
  if (timeoutMs === undefined) return `its timeout ${JSON.stringify(fields['timeout'])} is no duration`;
  const statusOnError = statusOf(fields);
  if (statusOnError === undefined)
    return `its statusOnError ${JSON.stringify(fields['statusOnError'])} is no HTTP status`;
  const failOpen = fields['failOpen'] === true;
  return { cluster, timeoutMs, failOpen, statusOnError, clearRouteCache: fields['clearRouteCache'] === true };
}

function readGrpcProvider(fields: Fields, context: FilterContext): GrpcProvider | string {
  const provider = readAnyProvider(fields, context);
  if (typeof provider === 'string') return provider;
  const { host, port } = serviceOf(fields);
  const body = bodyOf(fields['includeRequestBodyInCheck']);
  return { kind: 'grpc', ...provider, authority: `${host}:${port}`, body };
}

/** gRPC needs HTTP/2; who is spoken to in HTTP/1.1 counts as an authorizer that fails. */
export function canBeAsked({ authority }: GrpcProvider, context: FilterContext): boolean {
  const colon = authority.lastIndexOf(':');
  return context.speaksHttp2(authority.slice(0, colon), Number(authority.slice(colon + 1)), context.gatewayNamespace);
}

function readHttpProvider(fields: Fields, context: FilterContext): HttpProvider | string {
  const provider = readAnyProvider(fields, context);
  if (typeof provider === 'string') return provider;
  const pathPrefix = text(fields['pathPrefix']);
  if (pathPrefix !== '' && !pathPrefix.startsWith('/')) return 'its pathPrefix does not begin with a slash';
  if (!PARSED_PREFIX.test(pathPrefix)) return `its pathPrefix ${JSON.stringify(pathPrefix)} is no path`;
  const any = LISTS_OF_NAMES.find((list) => texts(fields[list]).includes('*'));
  if (any !== undefined) return `its ${any} has a lone *, where names, a* and *a are possible`;
  const inCheck = texts(fields['includeRequestHeadersInCheck']);
  const onDeny = texts(fields['headersToDownstreamOnDeny']);
  return {
    kind: 'http',
    ...provider,
    pathPrefix,
    // The old name of the list counts only without the new one.
    headersInCheck: nameMatch(inCheck.length > 0 ? inCheck : texts(fields['includeHeadersInCheck'])),
    additionalHeaders: Object.entries((fields['includeAdditionalHeadersInCheck'] ?? {}) as Fields).map(
      ([header, value]) => [header.toLowerCase(), String(value)] as const,
    ),
    body: bodyOf(fields['includeRequestBodyInCheck']),
    toUpstreamOnAllow: nameMatch(texts(fields['headersToUpstreamOnAllow'])),
    toDownstreamOnAllow: nameMatch(texts(fields['headersToDownstreamOnAllow'])),
    toDownstreamOnDeny: onDeny.length === 0 ? undefined : nameMatch([...onDeny, 'location', 'www-authenticate']),
  };
}

/** What Istio's parser of URLs takes: no control characters, and after `%` two digits, in a query whatever. */
const PARSED_PREFIX = /^(?:[^%?\p{Cc}]|%[0-9A-Fa-f]{2})*(?:\?\P{Cc}*)?$/u;

/** A lone `*` in one of them makes the provider unusable in Istio. */
const LISTS_OF_NAMES = [
  'includeRequestHeadersInCheck',
  'includeHeadersInCheck',
  'headersToUpstreamOnAllow',
  'headersToDownstreamOnAllow',
  'headersToDownstreamOnDeny',
] as const;

/** `service` is a host, or `namespace/host`; a host is written out, since the mesh settings are of no namespace that could be added to it. */
function whyUnknown(fields: Fields, context: FilterContext): string | undefined {
  const { namespace, host } = serviceOf(fields);
  const namespaces = host.includes('.') ? [...new Set(context.serviceNamespaces(host))] : [];
  const service = `its service ${String(fields['service'])}`;
  if (namespace === undefined && namespaces.length > 1)
    return `${service} is in several namespaces (${namespaces.join(', ')}), and is to be written namespace/host`;
  const isKnown = namespace === undefined ? namespaces.length === 1 : namespaces.includes(namespace);
  return isKnown ? undefined : `${service} is not known here`;
}

/** `namespace`: undefined where the service is named by its host alone. */
function serviceOf(fields: Fields): {
  readonly namespace: string | undefined;
  readonly host: string;
  readonly port: number;
} {
  const service = text(fields['service']);
  const slash = service.indexOf('/');
  const namespace = slash < 0 ? undefined : service.slice(0, slash);
  return { namespace, host: service.slice(slash + 1), port: Number(fields['port']) };
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
  return STATUSES.has(status) ? status : undefined;
}

/** Those that Envoy's enumeration names and an answer can have. */
const STATUSES: ReadonlySet<number> = new Set([
  ...[200, 201, 202, 203, 204, 205, 206, 207, 208, 226, 300, 301, 302, 303, 304, 305, 307, 308],
  ...[400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417],
  ...[421, 422, 423, 424, 426, 428, 429, 431, 500, 501, 502, 503, 504, 505, 506, 507, 508, 510, 511],
]);

function bodyOf(written: unknown): BodyInCheck | undefined {
  if (!isFields(written)) return undefined;
  const { maxRequestBytes, allowPartialMessage, packAsBytes } = written;
  const maxBytes = Number(maxRequestBytes ?? 0);
  if (!(maxBytes > 0)) return undefined;
  return { maxBytes, allowPartial: allowPartialMessage === true, packAsBytes: packAsBytes === true };
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
