import type { ClientCertificate } from '../contract/exchange.ts';
import { toBytes } from '../contract/index.ts';
import { type CertificateFacts, certificateFacts } from './certificate-format.ts';

/** What an operator in a header value can look at. Response operators see the request as it was sent upstream. */
export interface FormatFacts {
  /** `:method`, `:path` (with query), `:authority`, `:scheme` besides the plain names. */
  requestHeader(name: string): string | undefined;
  responseHeader(name: string): string | undefined;
  readonly protocol: string;
  /** 0 before there is an answer, and in the gateway's own. */
  readonly responseCode: number;
  readonly responseFlags: readonly string[];
  readonly responseDetails: string;
  readonly clientAddress: string;
  readonly clientPort: number;
  readonly peerAddress: string;
  readonly peerPort: number;
  readonly localAddress: string;
  readonly localPort: number;
  readonly upstreamHost: string | undefined;
  readonly upstreamLocalAddress: string | undefined;
  readonly upstreamAttempts: number;
  readonly upstreamCluster: string | undefined;
  readonly routeName: string;
  readonly serverName: string | undefined;
  readonly tlsVersion: string | undefined;
  readonly tlsCipher: string | undefined;
  readonly clientCertificate: ClientCertificate | undefined;
  readonly startedAtMs: number;
  /** Of bodies, so far. */
  readonly bytesReceived: number;
  readonly bytesSent: number;
}

type Part = string | ((facts: FormatFacts) => string | undefined);

const cache = new Map<string, readonly Part[]>();
/** Formats come from route tables, which are bounded; this only keeps a long life of edits from adding up. */
const MAX_CACHED = 50_000;

/** The value of an Envoy format string, `%REQ(x)%` and its kin, one character a byte (istio-semantics §2.11). An operator without a value gives ''. */
export function formatHeaderValue(format: string, facts: FormatFacts): string {
  let parts = cache.get(format);
  if (parts === undefined) {
    parts = compileFormat(toBytes(format));
    if (cache.size >= MAX_CACHED) cache.clear();
    cache.set(format, parts);
  }
  let value = '';
  for (const part of parts) value += typeof part === 'string' ? part : (part(facts) ?? '');
  return value;
}

const OPERATOR = /%%|%([A-Z][A-Z0-9_]*)(?:\(([^)]*)\))?(?::(\d+))?%/g;

function compileFormat(format: string): readonly Part[] {
  const parts: Part[] = [];
  let last = 0;
  for (const match of format.matchAll(OPERATOR)) {
    if (match.index > last) parts.push(format.slice(last, match.index));
    last = match.index + match[0].length;
    if (match[0] === '%%') {
      parts.push('%');
      continue;
    }
    const operator = operatorOf(match[1] ?? '', match[2]);
    const length = match[3] === undefined ? undefined : Number(match[3]);
    parts.push(length === undefined ? operator : (facts) => operator(facts)?.slice(0, length));
  }
  if (last < format.length) parts.push(format.slice(last));
  return parts;
}

type Operator = (facts: FormatFacts) => string | undefined;

const withoutPort: Readonly<Record<string, Operator>> = {
  PROTOCOL: (f) => f.protocol,
  RESPONSE_CODE: (f) => String(f.responseCode),
  RESPONSE_FLAGS: (f) => (f.responseFlags.length === 0 ? '-' : f.responseFlags.join(',')),
  RESPONSE_FLAGS_LONG: (f) =>
    f.responseFlags.length === 0 ? '-' : f.responseFlags.map((flag) => LONG_FLAGS[flag] ?? flag).join(','),
  RESPONSE_CODE_DETAILS: (f) => f.responseDetails,
  ROUTE_NAME: (f) => f.routeName,
  UPSTREAM_CLUSTER: (f) => (f.upstreamCluster === undefined ? undefined : `${f.upstreamCluster};`),
  UPSTREAM_CLUSTER_RAW: (f) => f.upstreamCluster,
  UPSTREAM_HOST: (f) => f.upstreamHost,
  UPSTREAM_HOST_NAME: (f) => f.upstreamHost,
  UPSTREAM_HOST_NAME_WITHOUT_PORT: (f) => withoutPortOf(f.upstreamHost),
  UPSTREAM_REQUEST_ATTEMPT_COUNT: (f) => String(f.upstreamAttempts),
  UPSTREAM_REMOTE_ADDRESS: (f) => f.upstreamHost,
  UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: (f) => withoutPortOf(f.upstreamHost),
  UPSTREAM_REMOTE_PORT: (f) => portOf(f.upstreamHost),
  UPSTREAM_LOCAL_ADDRESS: (f) => f.upstreamLocalAddress,
  UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT: (f) => withoutPortOf(f.upstreamLocalAddress),
  UPSTREAM_LOCAL_PORT: (f) => portOf(f.upstreamLocalAddress),
  DOWNSTREAM_REMOTE_ADDRESS: (f) => `${f.clientAddress}:${f.clientPort}`,
  DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: (f) => f.clientAddress,
  DOWNSTREAM_REMOTE_PORT: (f) => String(f.clientPort),
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS: (f) => `${f.peerAddress}:${f.peerPort}`,
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT: (f) => f.peerAddress,
  DOWNSTREAM_DIRECT_REMOTE_PORT: (f) => String(f.peerPort),
  DOWNSTREAM_LOCAL_ADDRESS: (f) => `${f.localAddress}:${f.localPort}`,
  DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT: (f) => f.localAddress,
  DOWNSTREAM_LOCAL_PORT: (f) => String(f.localPort),
  DOWNSTREAM_DIRECT_LOCAL_ADDRESS: (f) => `${f.localAddress}:${f.localPort}`,
  DOWNSTREAM_DIRECT_LOCAL_ADDRESS_WITHOUT_PORT: (f) => f.localAddress,
  DOWNSTREAM_DIRECT_LOCAL_PORT: (f) => String(f.localPort),
  DOWNSTREAM_PEER_SUBJECT: (f) => f.clientCertificate?.subject,
  DOWNSTREAM_PEER_URI_SAN: (f) => f.clientCertificate?.uris.join(','),
  DOWNSTREAM_PEER_DNS_SAN: (f) => f.clientCertificate?.dnsNames.join(','),
  DOWNSTREAM_PEER_FINGERPRINT_256: (f) => f.clientCertificate?.hash,
  DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_256: (f) => f.clientCertificate?.hash,
  DOWNSTREAM_PEER_CERT: (f) => f.clientCertificate && encodeURIComponent(f.clientCertificate.pem),
  DOWNSTREAM_PEER_ISSUER: (f) => ofCertificate(f)?.issuer,
  DOWNSTREAM_PEER_SERIAL: (f) => ofCertificate(f)?.serial,
  DOWNSTREAM_PEER_CHAIN_SERIALS: (f) => ofCertificate(f)?.serial,
  DOWNSTREAM_PEER_FINGERPRINT_1: (f) => ofCertificate(f)?.sha1,
  DOWNSTREAM_PEER_EMAIL_SAN: (f) => ofCertificate(f)?.emails,
  DOWNSTREAM_PEER_IP_SAN: (f) => ofCertificate(f)?.addresses,
  DOWNSTREAM_TLS_VERSION: (f) => f.tlsVersion,
  DOWNSTREAM_TLS_CIPHER: (f) => f.tlsCipher,
  REQUESTED_SERVER_NAME: (f) => f.serverName,
  BYTES_RECEIVED: (f) => String(f.bytesReceived),
  BYTES_SENT: (f) => String(f.bytesSent),
  ACCESS_LOG_TYPE: () => 'NotSet',
};

/** What Envoy calls its flags in full; one that is not here it would write short. */
const LONG_FLAGS: Readonly<Record<string, string>> = {
  DC: 'DownstreamConnectionTermination',
  UH: 'NoHealthyUpstream',
  UT: 'UpstreamRequestTimeout',
  LR: 'LocalReset',
  UR: 'UpstreamRemoteReset',
  UF: 'UpstreamConnectionFailure',
  UC: 'UpstreamConnectionTermination',
  UO: 'UpstreamOverflow',
  NR: 'NoRouteFound',
  DI: 'DelayInjected',
  FI: 'FaultInjected',
  RL: 'RateLimited',
  UAEX: 'UnauthorizedExternalService',
  RLSE: 'RateLimitServiceError',
  URX: 'UpstreamRetryLimitExceeded',
  SI: 'StreamIdleTimeout',
  IH: 'InvalidEnvoyRequestHeaders',
  DPE: 'DownstreamProtocolError',
  UMSDR: 'UpstreamMaxStreamDurationReached',
  DT: 'DurationTimeout',
  UPE: 'UpstreamProtocolError',
  NC: 'NoClusterFound',
  OM: 'OverloadManagerTerminated',
};

const ofCertificate = ({ clientCertificate }: FormatFacts): CertificateFacts | undefined =>
  clientCertificate && certificateFacts(clientCertificate);

const withoutPortOf = (address: string | undefined): string | undefined => address?.replace(/:\d+$/, '');

const portOf = (address: string | undefined): string | undefined => address?.replace(/^.*:/, '');

function operatorOf(name: string, argument: string | undefined): Operator {
  const plain = withoutPort[name];
  if (plain !== undefined) return plain;
  const wanted = argument ?? '';
  switch (name) {
    case 'REQ':
    case 'REQUEST_HEADER':
      return headerOperator(wanted, (facts, header) => facts.requestHeader(header));
    case 'REQ_WITHOUT_QUERY':
      return headerOperator(wanted, (facts, header) => withoutQuery(facts.requestHeader(header)));
    case 'RESP':
    case 'RESPONSE_HEADER':
      return headerOperator(wanted, (facts, header) => facts.responseHeader(header));
    case 'QUERY_PARAM':
      return (facts) => decodedParameter(facts.requestHeader(':path') ?? '', wanted);
    case 'QUERY_PARAMS':
      return (facts) => wholeQuery(facts.requestHeader(':path') ?? '', wanted === 'DECODED');
    case 'PATH':
      return pathOperator(wanted);
    case 'START_TIME':
      return (facts) => timeText(facts.startedAtMs, wanted);
    case 'DOWNSTREAM_PEER_CERT_V_START':
      return (facts) => timeOf(ofCertificate(facts)?.validFromMs, wanted);
    case 'DOWNSTREAM_PEER_CERT_V_END':
      return (facts) => timeOf(ofCertificate(facts)?.validToMs, wanted);
    default:
      return () => undefined;
  }
}

/** `%REQ(a?b)%`: b only where a is absent. */
function headerOperator(argument: string, read: (facts: FormatFacts, name: string) => string | undefined): Operator {
  const [first = '', second] = argument.toLowerCase().split('?');
  return (facts) => read(facts, first) ?? (second === undefined ? undefined : read(facts, second));
}

const withoutQuery = (path: string | undefined): string | undefined => path?.replace(/\?.*$/s, '');

const PATH_SOURCES: Readonly<Record<string, readonly string[]>> = {
  ORIG: ['x-envoy-original-path'],
  PATH: [':path'],
};
const ORIGINAL_OR_PATH: readonly string[] = ['x-envoy-original-path', ':path'];

/** `WQ` or `NQ`: with the query or without; then from where, absent: the original path where it was rewritten. */
function pathOperator(argument: string): Operator {
  const [parts = '', source = ''] = argument.split(':');
  const names = PATH_SOURCES[source] ?? ORIGINAL_OR_PATH;
  return (facts) => {
    const path = names.map((name) => facts.requestHeader(name)).find((value) => value !== undefined);
    return parts === 'NQ' ? withoutQuery(path) : path;
  };
}

/** The first parameter whose name, decoded, is the one asked for; its value decoded too. */
function decodedParameter(target: string, name: string): string | undefined {
  for (const pair of queryOf(target).split('&')) {
    const equals = pair.indexOf('=');
    if (decoded(equals < 0 ? pair : pair.slice(0, equals)) === name)
      return decoded(equals < 0 ? '' : pair.slice(equals + 1));
  }
  return undefined;
}

/** `%QUERY_PARAMS(ORIG)%` as received; `(DECODED)` with the escapes of visible ASCII taken out, and no others. */
function wholeQuery(target: string, decode: boolean): string {
  const query = queryOf(target);
  return decode ? query.replaceAll(VISIBLE_ESCAPE, character) : query;
}

const queryOf = (target: string): string => {
  const mark = target.indexOf('?');
  return mark < 0 ? '' : target.slice(mark + 1);
};

const ESCAPE = /%([0-9A-Fa-f]{2})/g;
/** `%21` to `%7e`. */
const VISIBLE_ESCAPE = /%(2[1-9A-Fa-f]|[3-6][0-9A-Fa-f]|7[0-9A-Ea-e])/g;

const character = (_: string, hex: string): string => String.fromCharCode(Number.parseInt(hex, 16));

const decoded = (text: string): string => text.replaceAll(ESCAPE, character);

const timeOf = (atMs: number | undefined, format: string): string | undefined =>
  atMs === undefined ? undefined : timeText(atMs, format);

/** ISO 8601, or `%s`, `%s%3f` and the common strftime letters. */
function timeText(atMs: number, format: string): string {
  const date = new Date(atMs);
  if (format === '') return date.toISOString();
  const two = (n: number): string => String(n).padStart(2, '0');
  const letters: Readonly<Record<string, string>> = {
    Y: String(date.getUTCFullYear()),
    m: two(date.getUTCMonth() + 1),
    d: two(date.getUTCDate()),
    H: two(date.getUTCHours()),
    M: two(date.getUTCMinutes()),
    S: two(date.getUTCSeconds()),
    s: String(Math.floor(atMs / 1000)),
    T: date.toISOString().slice(11, 19),
    F: date.toISOString().slice(0, 10),
  };
  return format
    .replaceAll(/%([1-9])f/g, (_, digits: string) =>
      String(date.getUTCMilliseconds()).padStart(3, '0').padEnd(Number(digits), '0').slice(0, Number(digits)),
    )
    .replaceAll(/%([YmdHMSsTF])/g, (_, letter: string) => letters[letter] ?? '');
}
