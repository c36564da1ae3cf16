import { type RequestRecord, redactAuthority, redactTarget, redactTokens } from '../../src/contract/index.ts';
import { hostPort } from '../../src/kernel/host-port.ts';

/**
 * One line of JSON, with keys as Istio's JSON log has them (istio-semantics §8), then our own: whose route it was, and the
 * cause in our words. Query parameters that are known to carry tokens are blanked; headers that carry them are not logged at all (edge-security G-02).
 * `share`: of the requests like this one that are logged, where not all are.
 */
export function jsonLine(record: RequestRecord, share?: number): string {
  const line = JSON.stringify({
    start_time: isoTime(record.startedAtMs),
    method: record.method,
    path: redactTarget(record.originalTarget),
    protocol: record.protocol,
    response_code: record.status,
    response_flags: flagsOf(record),
    response_code_details: orNull(record.details),
    connection_termination_details: null,
    bytes_received: record.bytesReceived,
    bytes_sent: record.bytesSent,
    duration: Math.round(record.durationMs),
    upstream_service_time: record.upstreamMs === undefined ? null : Math.round(record.upstreamMs),
    x_forwarded_for: record.forwardedFor === undefined ? null : redactTokens(record.forwardedFor),
    user_agent: record.userAgent === undefined ? null : redactTokens(record.userAgent),
    request_id: record.requestId,
    authority: orNull(redactAuthority(record.authority)),
    upstream_host: record.upstreamAddress ?? null,
    upstream_cluster: record.cluster ?? null,
    upstream_local_address: record.upstreamLocalAddress ?? null,
    upstream_transport_failure_reason: record.upstreamFailure ?? null,
    downstream_local_address: localAddressOf(record) ?? null,
    downstream_remote_address: record.clientAddress,
    requested_server_name: record.serverName ?? null,
    route_name: orNull(record.routeName),
    owner_namespace: record.owner?.namespace ?? null,
    owner_object: record.owner === undefined ? null : `${record.owner.kind}/${record.owner.name}`,
    route: record.routeId ?? null,
    table_revision: orNull(record.tableRevision),
    attempts: record.upstreamAttempts,
    cause: record.cause ?? null,
    grpc_status: record.grpcStatus ?? null,
    principal: record.principal ?? null,
    listener_port: record.listenerPort,
    trace_id: record.traceId ?? null,
    policy_marks: record.policyMarks?.map(({ kind, rule }) => `${kind} ${rule}`),
    log_share: share,
  });
  return `${isPlain(line) ? line : line.replaceAll(CONTROLS, asUnicode)}\n`;
}

/** What JSON lets stand: a terminal takes U+009B for the beginning of a command, and some readers U+2028 for the end of a line (edge-security G-01). */
const CONTROLS = /[\u007f-\u009f\u2028\u2029]/g;
/** Nothing but ASCII, as nearly all lines are: told in a fraction of the time that the expression takes. */
const isPlain = (line: string): boolean => Buffer.byteLength(line) === line.length && !line.includes('\u007f');
const asUnicode = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

let second = Number.NaN;
let untilSecond = '';

/** As `toISOString`, which is dear; all but the milliseconds is made once a second. */
function isoTime(ms: number): string {
  const whole = Math.floor(ms / 1_000);
  if (whole !== second) {
    second = whole;
    untilSecond = new Date(whole * 1_000).toISOString().slice(0, -4);
  }
  const rest = Math.floor(ms) - whole * 1_000;
  return `${untilSecond}${rest < 10 ? '00' : rest < 100 ? '0' : ''}${rest}Z`;
}

/** Istio's text format, field by field (istio-semantics §8). */
export function textLine(record: RequestRecord): string {
  const quoted = (value: string | undefined): string => `"${isMissing(value) ? '-' : escaped(value)}"`;
  const bare = (value: string | undefined): string =>
    isMissing(value) ? '-' : escaped(value).replaceAll(' ', String.raw`\x20`);
  return `${[
    `[${isoTime(record.startedAtMs)}]`,
    `"${bare(record.method)} ${bare(redactTarget(record.originalTarget))} ${record.protocol}"`,
    record.status,
    flagsOf(record),
    bare(record.details),
    '-',
    quoted(record.upstreamFailure),
    record.bytesReceived,
    record.bytesSent,
    Math.round(record.durationMs),
    record.upstreamMs === undefined ? '-' : Math.round(record.upstreamMs),
    quoted(record.forwardedFor && redactTokens(record.forwardedFor)),
    quoted(record.userAgent && redactTokens(record.userAgent)),
    quoted(record.requestId),
    quoted(redactAuthority(record.authority)),
    quoted(record.upstreamAddress),
    bare(record.cluster),
    bare(record.upstreamLocalAddress),
    bare(localAddressOf(record)),
    bare(record.clientAddress),
    bare(record.serverName),
    bare(record.routeName),
  ].join(' ')}\n`;
}

const localAddressOf = ({ localAddress, localPort = 0 }: RequestRecord): string | undefined =>
  localAddress && hostPort(localAddress, localPort);

const isMissing = (value: string | undefined): value is undefined | '' => value === undefined || value === '';
const orNull = (value: string): string | null => (value === '' ? null : value);
const flagsOf = ({ flags }: RequestRecord): string => (flags.length === 0 ? '-' : flags.join(','));

/** Control characters and quotes would forge lines or fields, as spaces would where no quotes are (edge-security G-01). */
const escaped = (value: string): string =>
  value.replaceAll(
    /[\p{Cc}\u0080-\u00ff"\\]/gu,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
