import type { Route, RouteOwner, TableSettings } from '../table/model.ts';
import type { ConnectionRecord } from './connection-record.ts';
import type { HeaderList } from './headers.ts';
import type { RequestRecord } from './record.ts';

/** Facts of the TLS connection a request came on. */
export interface TlsFacts {
  /** As asked for, lower case; undefined without SNI. */
  readonly serverName: string | undefined;
  /** Of a verified client certificate. */
  readonly client: ClientCertificate | undefined;
  /** `TLSv1.3`; undefined: the handshake was not ours. */
  readonly version?: string | undefined;
  /** As OpenSSL calls it. */
  readonly cipher?: string | undefined;
}

export interface ClientCertificate {
  readonly pem: string;
  /** SHA-256 of the DER, lower-case hex. */
  readonly hash: string;
  /** RFC 2253 order. */
  readonly subject: string;
  readonly uris: readonly string[];
  readonly dnsNames: readonly string[];
  /** URI of the gateway's own certificate, for XFCC's `By`. */
  readonly serverUri: string | undefined;
}

/** Who a verified token says the caller is. Claims are the token's payload as parsed; never a plain header's word. */
export interface Identity {
  readonly issuer: string;
  readonly subject: string | undefined;
  readonly audiences: readonly string[];
  /** `azp`. */
  readonly presenter: string | undefined;
  readonly claims: Readonly<Record<string, unknown>>;
  /** Claims that are split at spaces into lists for matching (§6.4). */
  readonly spaceDelimitedClaims: readonly string[];
}

/**
 * One request and its answer, as filters see them: normalised once, the same for matching, authorising, logging and
 * forwarding. Whatever lane a request came by (HTTP/1.1 by Fastify, HTTP/2 streams, later a fast lane) hides behind it.
 */
export interface Exchange {
  readonly protocol: 'HTTP/1.1' | 'HTTP/2';
  readonly method: string;
  /** As sent, port and case included; the absolute form's authority where there was one. */
  readonly authority: string;
  /** Lower case, without port: what the virtual host was chosen by. */
  readonly host: string;
  /** Normalised, still percent-encoded, one character a byte (Latin-1). */
  readonly path: string;
  /** '' or from the '?' on, raw. A filter may take a token out of it. */
  query: string;
  readonly scheme: 'http' | 'https';
  /** The request's headers as they will go upstream: hop-by-hop gone, forwarded headers set. Filters may change them. */
  readonly headers: HeaderList;
  /** The other end of the connection, even where it speaks for a client by the PROXY protocol (§6.2, `source.ip`). */
  readonly peerAddress: string;
  /** Whom the connection speaks for: the peer, or the client that a load balancer says by the PROXY protocol. */
  readonly remoteAddress: string;
  /** The caller, by the PROXY protocol and the trusted part of X-Forwarded-For; one value everywhere (§7.2). */
  readonly clientAddress: string;
  /** The Gateway's own port number; by the PROXY protocol the one that the client came to, like `localAddress`. */
  readonly listenerPort: number;
  readonly localAddress: string;
  readonly tls: TlsFacts | undefined;
  /** content-type application/grpc or application/grpc+x: own answers take gRPC's form. */
  readonly isGrpc: boolean;
  /** The pinned route; undefined: none fits, and the router will answer 404 after the filters. */
  readonly route: Route | undefined;
  readonly tableSettings: TableSettings;
  /** Set by the filter that verified a token. */
  identity: Identity | undefined;
  readonly record: RequestRecord;
  /** The value of an Envoy format string such as `%REQ(x)%`, as header operations have it before there is an answer (§2.11); what is not there is ''. */
  format(format: string): string;
  /** Chooses the route anew among those of the same virtual host, after `identity` or headers changed (§6.1, last row). */
  reselectRoute(): void;
  /** Reads the whole request body, for those who must see it before it goes on; it is then forwarded from memory. 'too-large' beyond the limit, with nothing lost. */
  bufferBody(limitBytes: number): Promise<Uint8Array | 'too-large'>;
  /** The first `limitBytes` of the body, the rest still to stream: for allowPartialMessage. */
  peekBody(limitBytes: number): Promise<{ readonly bytes: Uint8Array; readonly complete: boolean }>;
  /** A body that grows beyond the limit ends the request: 413, or a cut where an answer has begun. Of several limits the smallest counts. */
  limitBody(limitBytes: number): void;
  /** Called when the client leaves before the answer is complete. */
  onClientGone(callback: () => void): void;
}

/** Head of the answer, on its way to the client; filters may change the headers. */
export interface ResponseHead {
  status: number;
  readonly headers: HeaderList;
  /** upstream: a backend's. route: a redirect or direct response. gateway: our own answer to a fault, or a filter's. */
  readonly origin: 'upstream' | 'route' | 'gateway';
  /** Bytes of a service's body, where it has said so; no header says it here, as framing is the lane's. undefined: not known, or not a service's. */
  readonly bodyLength?: number | undefined;
}

/** A connection whose bytes are passed on as they are, as filters see it. */
export interface ConnectionFacts {
  readonly peerAddress: string;
  /** The caller: the other end as well, where nobody says otherwise by the PROXY protocol. */
  readonly clientAddress: string;
  readonly localAddress: string;
  /** The Gateway's own port number; by the PROXY protocol the one that the client came to. */
  readonly listenerPort: number;
  /** undefined: nothing of TLS was seen. Where it goes on as it came there is no certificate, whatever the two ends agree on. */
  readonly tls: TlsFacts | undefined;
  /** Of the rule that it fits. */
  readonly owner: RouteOwner;
  /** What is written down of it: who refuses it says why (`cause`, `terminationDetails`, `flags`), who only watches leaves `policyMarks`. */
  readonly record: ConnectionRecord;
}
