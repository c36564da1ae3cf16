import { type RequestRecord, redactAuthority, redactTarget, redactTokens } from '../../src/contract/index.ts';
import { hostPort } from '../../src/kernel/host-port.ts';
import { bare, flagsOf, isoTime, markLines, oneLine, orNull, ownerOf, quoted } from './fields.ts';

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
    response_flags: flagsOf(record.flags),
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
    owner_object: ownerOf(record.owner),
    route: record.routeId ?? null,
    table_revision: orNull(record.tableRevision),
    attempts: record.upstreamAttempts,
    cause: record.cause ?? null,
    grpc_status: record.grpcStatus ?? null,
    principal: record.principal ?? null,
    listener_port: record.listenerPort,
    trace_id: record.traceId ?? null,
    policy_marks: markLines(record.policyMarks),
    log_share: share,
  });
  return oneLine(line);
}

/** Istio's text format, field by field (istio-semantics §8). */
export function textLine(record: RequestRecord): string {
  return `${[
    `[${isoTime(record.startedAtMs)}]`,
    `"${bare(record.method)} ${bare(redactTarget(record.originalTarget))} ${record.protocol}"`,
    record.status,
    flagsOf(record.flags),
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
