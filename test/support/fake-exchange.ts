import {
  type Exchange,
  HeaderList,
  type Identity,
  type RequestRecord,
  type TlsFacts,
} from '../../src/contract/index.ts';
import { type FormatFacts, formatHeaderValue } from '../../src/dataplane/header-format.ts';
import type { Route, TableSettings } from '../../src/table/model.ts';
import { fakeRecord } from './fake-record.ts';

export interface FakeRequest {
  readonly method?: string;
  readonly authority?: string;
  readonly path?: string;
  /** With its question mark. */
  readonly query?: string;
  readonly scheme?: 'http' | 'https';
  readonly headers?: readonly (readonly [string, string])[];
  readonly body?: Uint8Array;
  readonly peerAddress?: string;
  readonly remoteAddress?: string;
  readonly clientAddress?: string;
  readonly listenerPort?: number;
  readonly localAddress?: string;
  readonly tls?: TlsFacts;
  readonly identity?: Identity;
  /** `null`: none fits. */
  readonly route?: Route | null;
}

/** One request as filters see it, without a data plane. */
export class FakeExchange implements Exchange {
  readonly protocol = 'HTTP/1.1';
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
  readonly isGrpc = false;
  readonly tableSettings: TableSettings = {
    pathNormalization: 'base',
    numTrustedProxies: 0,
    forwardClientCert: 'sanitize-set',
  };
  readonly record: RequestRecord = fakeRecord();
  identity: Identity | undefined;
  route: Route | undefined;
  /** How often the route was asked to be chosen anew. */
  reselections = 0;
  readonly #body: Uint8Array;

  constructor(request: FakeRequest = {}) {
    this.method = request.method ?? 'GET';
    this.authority = request.authority ?? 'api.example.com';
    this.host = this.authority.toLowerCase().replace(/:\d+$/, '');
    this.path = request.path ?? '/';
    this.query = request.query ?? '';
    this.scheme = request.scheme ?? 'http';
    this.headers = HeaderList.from(request.headers ?? []);
    this.peerAddress = request.peerAddress ?? '198.18.0.9';
    this.remoteAddress = request.remoteAddress ?? this.peerAddress;
    this.clientAddress = request.clientAddress ?? this.remoteAddress;
    this.listenerPort = request.listenerPort ?? 80;
    this.localAddress = request.localAddress ?? '198.18.0.2';
    this.tls = request.tls;
    this.identity = request.identity;
    this.route = request.route === null ? undefined : (request.route ?? fakeRoute());
    this.#body = request.body ?? new Uint8Array(0);
  }

  format(format: string): string {
    return formatHeaderValue(format, this.#facts());
  }

  reselectRoute(): void {
    this.reselections++;
  }

  async bufferBody(limitBytes: number): Promise<Uint8Array | 'too-large'> {
    return this.#body.length > limitBytes ? 'too-large' : this.#body;
  }

  async peekBody(limitBytes: number): Promise<{ readonly bytes: Uint8Array; readonly complete: boolean }> {
    return { bytes: this.#body.slice(0, limitBytes), complete: this.#body.length <= limitBytes };
  }

  #facts(): FormatFacts {
    const pseudo: Readonly<Record<string, string>> = {
      ':method': this.method,
      ':path': this.path + this.query,
      ':authority': this.authority,
      ':scheme': this.scheme,
    };
    return {
      requestHeader: (name) => pseudo[name] ?? this.headers.get(name),
      responseHeader: () => undefined,
      protocol: this.protocol,
      responseCode: 0,
      responseFlags: [],
      responseDetails: '',
      clientAddress: this.clientAddress,
      clientPort: 1,
      peerAddress: this.peerAddress,
      peerPort: 1,
      localAddress: this.localAddress,
      localPort: this.listenerPort,
      upstreamHost: undefined,
      upstreamAttempts: 1,
      upstreamCluster: undefined,
      routeName: this.route?.name ?? '',
      serverName: this.tls?.serverName,
      tlsVersion: this.tls?.version,
      tlsCipher: this.tls?.cipher,
      clientCertificate: this.tls?.client,
      startedAtMs: 0,
      bytesReceived: 0,
      bytesSent: 0,
      upstreamLocalAddress: undefined,
    };
  }

  /** The smallest limit that was set. */
  bodyLimit = Number.POSITIVE_INFINITY;
  limitBody(limitBytes: number): void {
    this.bodyLimit = Math.min(this.bodyLimit, limitBytes);
  }

  readonly #gone: (() => void)[] = [];
  onClientGone(callback: () => void): void {
    this.#gone.push(callback);
  }

  /** The client leaves. */
  leave(): void {
    for (const callback of this.#gone.splice(0)) callback();
  }
}

export const fakeExchange = (request?: FakeRequest): FakeExchange => new FakeExchange(request);

/** A route of a team's, as far as filters look at it. */
export const fakeRoute = (owner: Partial<Route['owner']> = {}): Route => ({
  id: 'shop/web/0',
  name: '',
  owner: {
    namespace: 'shop',
    kind: 'VirtualService',
    name: 'web',
    delegate: undefined,
    file: 'shop/web.yaml',
    line: 1,
    ...owner,
  },
  match: { path: { kind: 'any' }, headers: [], queryParams: [], claims: [] },
  action: { kind: 'direct-response', status: 200, bodyBase64: undefined },
  requestHeaders: { remove: [], set: [], add: [] },
  responseHeaders: { remove: [], set: [], add: [] },
  filters: {},
});
