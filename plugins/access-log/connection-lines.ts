import type { ConnectionRecord } from '../../src/contract/index.ts';
import { hostPort } from '../../src/kernel/host-port.ts';
import { bare, flagsOf, isoTime, markLines, oneLine, orNull, ownerOf, quoted } from './fields.ts';

/**
 * A raw connection in JSON, with the keys that a request's line has: whatever only a request has is null, as in Istio's log
 * of TCP (istio-semantics §8). `share`: of the connections like this one that are logged, where not all are.
 */
export function jsonConnectionLine(record: ConnectionRecord, share?: number): string {
  return oneLine(
    JSON.stringify({
      start_time: isoTime(record.startedAtMs),
      method: null,
      path: null,
      protocol: null,
      response_code: 0,
      response_flags: flagsOf(record.flags),
      response_code_details: orNull(record.details),
      connection_termination_details: record.terminationDetails ?? null,
      bytes_received: record.bytesReceived,
      bytes_sent: record.bytesSent,
      duration: Math.round(record.durationMs),
      upstream_service_time: null,
      x_forwarded_for: null,
      user_agent: null,
      request_id: null,
      authority: null,
      upstream_host: record.upstreamAddress ?? null,
      upstream_cluster: record.cluster ?? null,
      upstream_local_address: record.upstreamLocalAddress ?? null,
      upstream_transport_failure_reason: record.upstreamFailure ?? null,
      downstream_local_address: hostPort(record.localAddress, record.localPort),
      downstream_remote_address: hostPort(record.clientAddress, record.clientPort),
      requested_server_name: record.serverName ?? null,
      route_name: null,
      owner_namespace: record.owner?.namespace ?? null,
      owner_object: ownerOf(record.owner),
      route: record.routeId ?? null,
      table_revision: orNull(record.tableRevision),
      attempts: record.upstreamAttempts,
      cause: record.cause ?? null,
      grpc_status: null,
      principal: null,
      listener_port: record.listenerPort,
      trace_id: null,
      connection_id: record.connectionId,
      policy_marks: markLines(record.policyMarks),
      log_share: share,
    }),
  );
}

/** The same in Istio's text format. */
export const textConnectionLine = (record: ConnectionRecord): string =>
  `${[
    `[${isoTime(record.startedAtMs)}]`,
    '"- - -"',
    0,
    flagsOf(record.flags),
    bare(record.details),
    bare(record.terminationDetails),
    quoted(record.upstreamFailure),
    record.bytesReceived,
    record.bytesSent,
    Math.round(record.durationMs),
    '- "-" "-" "-" "-"',
    quoted(record.upstreamAddress),
    bare(record.cluster),
    bare(record.upstreamLocalAddress),
    bare(hostPort(record.localAddress, record.localPort)),
    bare(hostPort(record.clientAddress, record.clientPort)),
    bare(record.serverName),
    '-',
  ].join(' ')}\n`;
