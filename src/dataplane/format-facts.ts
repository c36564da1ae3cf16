import type { HeaderList } from '../contract/headers.ts';
import { headerText } from '../table/index.ts';
import type { GatewayExchange } from './exchange.ts';
import type { FormatFacts } from './header-format.ts';

/** The request as it went upstream, where that differs from how it came. */
export interface SentRequest {
  readonly headers: HeaderList;
  /** With the query. */
  readonly target: string;
  readonly authority: string;
}

/** The answer whose headers are operated on. */
export interface AnswerFacts {
  readonly headers: HeaderList;
  readonly status: number;
  /** 0 where the answer is the gateway's own: it is then not yet said to be one (istio-semantics §2.11). */
  readonly responseCode: number;
}

/** What header operators see of a request and, where there is one, its answer (istio-semantics §2.11). */
export function formatFacts(
  exchange: GatewayExchange,
  sent: SentRequest | undefined,
  answer: AnswerFacts | undefined,
): FormatFacts {
  const { raw, record } = exchange;
  const headers = sent?.headers ?? exchange.headers;
  return {
    requestHeader(name) {
      switch (name) {
        case ':path':
          return sent?.target ?? `${exchange.path}${exchange.query}`;
        case ':authority':
        case 'host':
          return sent?.authority ?? exchange.authority;
        case ':method':
          return exchange.method;
        case ':scheme':
          return exchange.scheme;
        default:
          return headerText(headers, name);
      }
    },
    responseHeader: (name) => (name === ':status' ? answer?.status.toString() : answer?.headers.get(name)),
    protocol: exchange.protocol,
    responseCode: answer?.responseCode ?? 0,
    responseFlags: record.flags,
    responseDetails: record.details,
    clientAddress: exchange.clientAddress,
    clientPort: raw.remotePort,
    peerAddress: exchange.peerAddress,
    peerPort: raw.peerPort,
    localAddress: raw.localAddress,
    localPort: raw.localPort,
    upstreamHost: record.upstreamAddress,
    upstreamLocalAddress: record.upstreamLocalAddress,
    // The first try is counted before the request's operations are evaluated.
    upstreamAttempts: answer === undefined ? 1 : record.upstreamAttempts,
    // A cluster that there is not has no namespace; Envoy does not name it.
    upstreamCluster: record.clusterNamespace === undefined ? undefined : record.cluster,
    routeName: exchange.route?.name ?? '',
    serverName: exchange.tls?.serverName,
    tlsVersion: exchange.tls?.version,
    tlsCipher: exchange.tls?.cipher,
    clientCertificate: exchange.tls?.client,
    startedAtMs: record.startedAtMs,
    bytesReceived: exchange.body.bytesReceived,
    bytesSent: record.bytesSent,
  };
}
