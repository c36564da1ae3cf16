import { randomUUID } from 'node:crypto';
import type { RequestRecord } from '../contract/record.ts';
import type { Clock } from '../kernel/clock.ts';
import type { RawRequest, RejectedRequest } from './downstream/port.ts';

/** What is true of a record until something else is known. */
const blank = () => ({
  routeId: undefined,
  routeName: '',
  owner: undefined,
  tableRevision: '',
  cluster: undefined,
  clusterNamespace: undefined,
  upstreamAddress: undefined,
  upstreamLocalAddress: undefined,
  upstreamAttempts: 0,
  grpcStatus: undefined,
  bytesReceived: 0,
  bytesSent: 0,
  upstreamMs: undefined,
  upstreamFailure: undefined,
  principal: undefined,
  forwardedFor: undefined,
  path: '',
});

/** The record of a request at its beginning. */
export const newRecord = (raw: RawRequest): RequestRecord => ({
  ...blank(),
  requestId: randomUUID(),
  startedAtMs: raw.startedAtMs,
  method: raw.method,
  originalTarget: raw.target,
  authority: raw.authority ?? raw.headers.get('host') ?? '',
  scheme: raw.tls === undefined ? 'http' : 'https',
  protocol: raw.protocol,
  userAgent: raw.headers.get('user-agent'),
  peerAddress: raw.peerAddress,
  clientAddress: raw.remoteAddress,
  listenerPort: raw.listenerPort,
  localAddress: raw.localAddress,
  localPort: raw.localPort,
  serverName: raw.tls?.serverName,
  status: 0,
  flags: [],
  details: '',
  cause: undefined,
  durationMs: 0,
});

/** The record of what was no request that could be handed on: answered by its lane, and seen all the same. */
export const rejectedRecord = (request: RejectedRequest, clock: Clock): RequestRecord => ({
  ...blank(),
  requestId: request.requestId ?? randomUUID(),
  startedAtMs: request.startedAtMs,
  method: request.method,
  originalTarget: request.target,
  authority: request.authority,
  scheme: request.serverName === undefined ? 'http' : 'https',
  protocol: request.protocol,
  userAgent: undefined,
  peerAddress: request.peerAddress,
  clientAddress: request.remoteAddress,
  listenerPort: request.listenerPort,
  serverName: request.serverName,
  status: request.status,
  flags: request.flag === undefined ? [] : [request.flag],
  details: request.details,
  cause: request.cause,
  durationMs: Math.max(0, clock.nowMs() - request.startedAtMs),
});
