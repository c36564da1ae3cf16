import type { Exchange, Identity, TlsFacts } from '../contract/exchange.ts';
import type { HeaderList } from '../contract/headers.ts';
import type { RequestRecord } from '../contract/record.ts';
import { type BoundTable, type MatchResult, matchRequest } from '../table/index.ts';
import type { Destination, Route, TableSettings } from '../table/model.ts';
import type { ConnectionFilters } from './connection-filters.ts';
import type { RawRequest } from './downstream/port.ts';
import type { FilterChains } from './filter-chain.ts';
import { formatFacts } from './format-facts.ts';
import { isGrpcType } from './grpc-type.ts';
import { type GrpcWeb, TextDecoder64, translateRequest } from './grpc-web.ts';
import { formatHeaderValue } from './header-format.ts';
import type { KeptBytes } from './kept-bytes.ts';
import { RequestBody } from './request-body.ts';
import { pickByWeight } from './weighted.ts';

/** What one request is pinned to from its first moment to its last, whatever is published meanwhile. */
export interface PinnedTable {
  readonly bound: BoundTable;
  readonly settings: TableSettings;
  readonly revision: string;
  readonly chains: FilterChains;
  readonly connections: ConnectionFilters;
}

export interface ExchangeParts {
  readonly raw: RawRequest;
  readonly pinned: PinnedTable;
  readonly record: RequestRecord;
  readonly authority: string;
  readonly host: string;
  readonly path: string;
  readonly query: string;
  readonly scheme: 'http' | 'https';
  readonly headers: HeaderList;
  readonly clientAddress: string;
  readonly keptBytes: KeptBytes;
  /** In [0, 1). */
  readonly random: () => number;
}

export class GatewayExchange implements Exchange {
  readonly raw: RawRequest;
  readonly pinned: PinnedTable;
  readonly record: RequestRecord;
  readonly protocol: 'HTTP/1.1' | 'HTTP/2';
  readonly method: string;
  readonly authority: string;
  readonly host: string;
  readonly path: string;
  query: string;
  readonly scheme: 'http' | 'https';
  readonly headers: HeaderList;
  readonly peerAddress: string;
  readonly remoteAddress: string;
  readonly clientAddress: string;
  readonly listenerPort: number;
  readonly localAddress: string;
  readonly tls: TlsFacts | undefined;
  readonly isGrpc: boolean;
  readonly tableSettings: TableSettings;
  readonly body: RequestBody;
  identity: Identity | undefined;
  match: MatchResult;
  /** Set once the request was translated. */
  grpcWeb: GrpcWeb | undefined;
  clientGone = false;
  readonly #random: () => number;
  #destination: Destination | undefined;
  #destinationOf: Route | undefined;

  constructor(parts: ExchangeParts) {
    const { raw } = parts;
    this.raw = raw;
    this.pinned = parts.pinned;
    this.record = parts.record;
    this.protocol = raw.protocol === 'HTTP/2' ? 'HTTP/2' : 'HTTP/1.1';
    this.method = raw.method;
    this.authority = parts.authority;
    this.host = parts.host;
    this.path = parts.path;
    this.query = parts.query;
    this.scheme = parts.scheme;
    this.headers = parts.headers;
    this.peerAddress = raw.peerAddress;
    this.remoteAddress = raw.remoteAddress;
    this.clientAddress = parts.clientAddress;
    this.listenerPort = raw.destinationPort;
    this.localAddress = raw.localAddress;
    this.tls = raw.tls;
    this.isGrpc = isGrpcType(parts.headers.get('content-type'));
    this.tableSettings = parts.pinned.settings;
    this.body = new RequestBody(raw.body, parts.keptBytes);
    this.#random = parts.random;
    this.match = { virtualHost: undefined, route: undefined, index: -1, redirectToTls: false };
  }

  /** Where this request goes if it is forwarded: drawn once, kept for its retries and for the operations on its answer (§2.5). */
  destination(): Destination | undefined {
    const route = this.match.route;
    if (route?.action.kind !== 'forward') return undefined;
    if (this.#destination === undefined || this.#destinationOf !== route) {
      this.#destinationOf = route;
      this.#destination = pickByWeight(route.action.destinations, this.#random);
    }
    return this.#destination;
  }

  /** What is forwarded is gRPC, whatever the client speaks: `isGrpc` alone is about answers of our own (istio-semantics §7.4). */
  get forwardsGrpc(): boolean {
    return this.isGrpc || this.grpcWeb !== undefined;
  }

  /** At a server that translates gRPC-Web, makes gRPC of such a request; its answer has to be translated back. */
  translateGrpcWeb(): GrpcWeb | undefined {
    if (this.pinned.bound.routeConfigs.get(this.raw.routeConfig)?.routeConfig.grpcWeb !== true) return undefined;
    this.grpcWeb = translateRequest(this.headers);
    if (this.grpcWeb?.textRequest === true) this.body.decode(new TextDecoder64());
    return this.grpcWeb;
  }

  get route(): Route | undefined {
    return this.match.route;
  }

  format(format: string): string {
    return formatHeaderValue(format, formatFacts(this, undefined, undefined));
  }

  /** The first choice, and every later one: always among the routes of the pinned table. */
  reselectRoute(): void {
    this.match = matchRequest(this.pinned.bound, this.raw.routeConfig, this);
    const route = this.match.route;
    this.record.routeId = route?.id;
    this.record.routeName = route?.name ?? '';
    this.record.owner = route?.owner;
  }

  async bufferBody(limitBytes: number): Promise<Uint8Array | 'too-large'> {
    const { bytes, complete } = await this.body.collect(limitBytes);
    return complete ? bytes : 'too-large';
  }

  peekBody(limitBytes: number): Promise<{ readonly bytes: Uint8Array; readonly complete: boolean }> {
    return this.body.collect(limitBytes);
  }

  limitBody(limitBytes: number): void {
    this.body.limit(limitBytes);
  }

  onClientGone(callback: () => void): void {
    if (this.clientGone) {
      callback();
      return;
    }
    this.#gone ??= [];
    this.#gone.push(callback);
  }

  #gone: (() => void)[] | undefined;

  /** The lane's word that the client has left. */
  clientLeft(): void {
    this.clientGone = true;
    const gone = this.#gone;
    this.#gone = undefined;
    for (const callback of gone ?? []) callback();
  }
}
