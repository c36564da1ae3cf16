import type { DownstreamLimits, OverloadLimits } from '../dataplane/index.ts';
import type { LimitSettings } from '../settings.ts';
import { connectionsWithin } from './descriptors.ts';

/**
 * What one of so many processes lets its clients take. The kernel spreads connections evenly over them, so each has an even
 * share of what is meant for the gateway.
 */
export function downstreamLimitsOf(
  settings: LimitSettings,
  processes: number,
  descriptors = Number.POSITIVE_INFINITY,
): Partial<DownstreamLimits> {
  return {
    maxConnections: Math.min(Math.ceil(settings.maxConnections / processes), connectionsWithin(descriptors)),
    maxConcurrentStreams: settings.maxStreams,
    maxHeaderBytes: settings.maxHeaderKib * 1024,
    maxHeaders: settings.maxHeaders,
    maxRequestsPerConnection: settings.maxConnectionRequests,
    firstBytesTimeoutMs: settings.firstBytesSeconds * 1_000,
    headersTimeoutMs: settings.headersSeconds * 1_000,
    tlsHandshakeTimeoutMs: settings.tlsHandshakeSeconds * 1_000,
    bodyIdleTimeoutMs: settings.bodyIdleSeconds * 1_000,
    bodyTimeoutMs: settings.bodySeconds * 1_000,
    stalledWriteTimeoutMs: settings.stalledSeconds * 1_000,
    keepAliveTimeoutMs: settings.keepAliveSeconds * 1_000,
    http2IdleTimeoutMs: settings.http2IdleSeconds * 1_000,
    tunnelIdleTimeoutMs: settings.tunnelIdleSeconds * 1_000,
  };
}

export const overloadLimitsOf = (settings: LimitSettings, processes: number): OverloadLimits => ({
  // At 100 % nothing is more.
  utilization: settings.overloadBusyPercent / 100,
  delayMs: settings.overloadDelayMs,
  heap: settings.overloadHeapPercent / 100,
  requestsPerNamespace: Math.ceil(settings.maxNamespaceRequests / processes),
});
