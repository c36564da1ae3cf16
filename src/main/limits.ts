import { totalmem } from 'node:os';
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

const MIB = 2 ** 20;
/** Manifests give the heaps 70 % (docs/deploy.md, "Memory"); what node keeps of sockets and streams besides is no less than their buffers. */
const BUFFERS_OF_MEMORY = 0.2;
const LEAST_BUFFER_MIB = 32;
const MOST_BUFFER_MIB = 1_024;
/** Less, and what a process has anyway would leave nothing. */
const LEAST_SET_MIB = 16;

/** What a process may have in buffers: its part of a fifth of the memory that the container, or the machine, has. */
export const bufferBytesOf = ({ maxBufferMib }: LimitSettings, processes: number, memoryBytes: number): number => {
  if (maxBufferMib > 0) return Math.max(maxBufferMib, LEAST_SET_MIB) * MIB;
  const share = (memoryBytes * BUFFERS_OF_MEMORY) / processes;
  return Math.round(Math.min(MOST_BUFFER_MIB * MIB, Math.max(LEAST_BUFFER_MIB * MIB, share)));
};

/** Of the container, where it has a limit; else of the machine. */
export function memoryLimit(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}

export const overloadLimitsOf = (
  settings: LimitSettings,
  processes: number,
  memoryBytes = memoryLimit(),
): OverloadLimits => ({
  // At 100 % nothing is more.
  utilization: settings.overloadBusyPercent / 100,
  delayMs: settings.overloadDelayMs,
  heap: settings.overloadHeapPercent / 100,
  bufferBytes: bufferBytesOf(settings, processes, memoryBytes),
  requestsPerNamespace: Math.ceil(settings.maxNamespaceRequests / processes),
});
