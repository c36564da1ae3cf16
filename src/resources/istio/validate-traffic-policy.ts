import type { FieldPath } from '../../diagnostics/index.ts';
import { parseDurationMs } from '../../kernel/duration.ts';
import { inQuotes } from '../describe.ts';
import type { Findings } from '../findings.ts';
import type {
  ConnectionPoolSettings,
  OutlierDetection,
  PortTrafficPolicy,
  TCPSettings,
  TrafficPolicy,
  TunnelSettings,
} from '../generated/destination-rule.ts';
import { parseIp } from '../ip.ts';
import { domainMistake } from './names.ts';
import { validateClientTls } from './validate-client-tls.ts';
import { checkDuration, checkPort, sentence } from './validate-common.ts';
import { validateLoadBalancer } from './validate-load-balancer.ts';

/** istio-semantics §10.4. */
export function validateTrafficPolicy(
  policy: TrafficPolicy | undefined,
  namespace: string,
  path: FieldPath,
  findings: Findings,
): void {
  if (policy === undefined) return;
  const { portLevelSettings = [], ...blocks } = policy;
  if (Object.keys(blocks).length === 0 && portLevelSettings.length === 0) {
    findings.missing(path, 'A trafficPolicy must have at least one field.');
    return;
  }
  if (policy.tunnel !== undefined && policy.proxyProtocol !== undefined)
    findings.conflict(path, 'A trafficPolicy can have tunnel or proxyProtocol, not both.');
  validateBlocks(policy, namespace, path, findings);
  for (const [index, settings] of portLevelSettings.entries())
    validatePortLevel(settings, namespace, [...path, 'portLevelSettings', index], findings);
  if (policy.tunnel !== undefined) validateTunnel(policy.tunnel, [...path, 'tunnel'], findings);
}

/** What of TCP keepalive is accepted and not read: the field, and why. */
export const unreadKeepalive = (
  pool: ConnectionPoolSettings | undefined,
): readonly { readonly field: FieldPath; readonly why: string }[] =>
  (['probes', 'interval'] as const).flatMap((name) =>
    pool?.tcp?.tcpKeepalive?.[name] === undefined
      ? []
      : [
          {
            field: ['connectionPool', 'tcp', 'tcpKeepalive', name],
            why: `${name} of TCP keepalive is the operating system’s own`,
          },
        ],
  );

type Blocks = Pick<TrafficPolicy, 'connectionPool' | 'loadBalancer' | 'outlierDetection' | 'tls'>;

function validateBlocks(blocks: Blocks, namespace: string, path: FieldPath, findings: Findings): void {
  validateOutlierDetection(blocks.outlierDetection, [...path, 'outlierDetection'], findings);
  validateConnectionPool(blocks.connectionPool, [...path, 'connectionPool'], findings);
  validateLoadBalancer(blocks.loadBalancer, blocks.outlierDetection !== undefined, [...path, 'loadBalancer'], findings);
  validateClientTls(blocks.tls, namespace, [...path, 'tls'], findings);
}

function validatePortLevel(settings: PortTrafficPolicy, namespace: string, path: FieldPath, findings: Findings): void {
  const { port, ...blocks } = settings;
  if (port === undefined) findings.missing([...path, 'port'], 'Settings for a port must name the port.');
  if (Object.keys(blocks).length === 0)
    findings.missing(path, 'Settings for a port must have connectionPool, loadBalancer, outlierDetection or tls.');
  else validateBlocks(blocks, namespace, path, findings);
}

function validateTunnel(tunnel: TunnelSettings, path: FieldPath, findings: Findings): void {
  const { protocol = '', targetHost = '', targetPort } = tunnel;
  if (!['', 'CONNECT', 'POST'].includes(protocol))
    findings.error(
      [...path, 'protocol'],
      `The protocol of a tunnel must be CONNECT or POST, not ${inQuotes(protocol)}.`,
    );
  const mistake = parseIp(targetHost) === undefined ? domainMistake(targetHost) : undefined;
  if (mistake !== undefined) findings.error([...path, 'targetHost'], sentence(mistake));
  checkPort(targetPort, [...path, 'targetPort'], findings);
}

function validateOutlierDetection(outlier: OutlierDetection | undefined, path: FieldPath, findings: Findings): void {
  if (outlier === undefined) return;
  checkDuration(outlier.baseEjectionTime, [...path, 'baseEjectionTime'], findings);
  checkDuration(outlier.interval, [...path, 'interval'], findings);
  if ((outlier.consecutiveErrors ?? 0) !== 0) {
    findings.warning([...path, 'consecutiveErrors'], 'consecutiveErrors is given up, and does nothing.', {
      code: 'deprecated-field',
      remedy: 'Use consecutive5xxErrors or consecutiveGatewayErrors.',
      of: 'key',
    });
  }
  if (outlier.splitExternalLocalOriginErrors !== true && (outlier.consecutiveLocalOriginFailures ?? 0) > 0) {
    findings.conflict(
      [...path, 'consecutiveLocalOriginFailures'],
      'consecutiveLocalOriginFailures needs splitExternalLocalOriginErrors: true.',
    );
  }
  for (const field of ['maxEjectionPercent', 'minHealthPercent'] as const) {
    const percent = outlier[field] ?? 0;
    if (percent < 0 || percent > 100)
      findings.error([...path, field], `${field} must be between 0 and 100, not ${percent}.`);
  }
  for (const [index, code] of (outlier.outlierDetectionHttpErrorCodes ?? []).entries()) {
    // A rule of the CRD's, which the webhook does not have (istio-semantics §10.4).
    if (code < 100 || code > 599)
      findings.warning(
        [...path, 'outlierDetectionHttpErrorCodes', index],
        `${code} is no HTTP status; the API server refuses it.`,
      );
  }
}

function validateConnectionPool(pool: ConnectionPoolSettings | undefined, path: FieldPath, findings: Findings): void {
  if (pool === undefined) return;
  const { http, tcp } = pool;
  if (http === undefined && tcp === undefined) findings.missing(path, 'A connectionPool must have tcp, http or both.');
  if (tcp !== undefined) validateTcpPool(tcp, [...path, 'tcp'], findings);
  if (http === undefined) return;
  const at = [...path, 'http'];
  for (const field of [
    'http1MaxPendingRequests',
    'http2MaxRequests',
    'maxRequestsPerConnection',
    'maxRetries',
    'maxConcurrentStreams',
  ] as const) {
    checkNotNegative(http[field], [...at, field], findings);
  }
  checkDuration(http.idleTimeout, [...at, 'idleTimeout'], findings);
  if (http.h2UpgradePolicy === 'UPGRADE' && http.useClientProtocol === true) {
    findings.conflict(
      [...at, 'useClientProtocol'],
      'useClientProtocol cannot be had together with h2UpgradePolicy UPGRADE.',
    );
  }
  if (http.http2KeepAlive === undefined) return;
  for (const field of ['interval', 'timeout'] as const) {
    const duration = http.http2KeepAlive[field];
    if (duration === undefined)
      findings.missing([...at, 'http2KeepAlive', field], `http2KeepAlive must have ${field}.`);
    checkDuration(duration, [...at, 'http2KeepAlive', field], findings);
  }
}

function validateTcpPool(tcp: TCPSettings, path: FieldPath, findings: Findings): void {
  checkNotNegative(tcp.maxConnections, [...path, 'maxConnections'], findings);
  checkDuration(tcp.connectTimeout, [...path, 'connectTimeout'], findings);
  checkDuration(tcp.maxConnectionDuration, [...path, 'maxConnectionDuration'], findings);
  // 0s switches it off; so does anything below a millisecond.
  const idle = parseDurationMs(tcp.idleTimeout ?? '0');
  if (idle.ok && Math.trunc(idle.value) !== 0) checkDuration(tcp.idleTimeout, [...path, 'idleTimeout'], findings);
  checkDuration(tcp.tcpKeepalive?.time, [...path, 'tcpKeepalive', 'time'], findings);
  checkDuration(tcp.tcpKeepalive?.interval, [...path, 'tcpKeepalive', 'interval'], findings);
}

function checkNotNegative(value: number | undefined, path: FieldPath, findings: Findings): void {
  if (value !== undefined && value < 0)
    findings.error(path, `${String(path.at(-1))} cannot be negative, as ${value} is.`);
}
