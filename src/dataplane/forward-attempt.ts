import type { HeaderList } from '../contract/headers.ts';
import { statusForOutliers } from './retry.ts';
import type { Tunnel, UpstreamExchange, UpstreamFailure, UpstreamReceiver, UpstreamRequestHead } from './stream.ts';
import type { UpstreamCluster, UpstreamHost } from './upstreams/port.ts';

/** Who makes the tries of a request, and is told what becomes of the one under way. */
export interface AttemptOwner {
  /** undefined: a try may take as long as the whole. */
  readonly perTryTimeoutMs: number | undefined;
  perTryTimedOut(attempt: Attempt): void;
  /** The service takes more of the request's body. */
  bodyMayFlow(): void;
  connected(localAddress: string): void;
  informational(status: number, headers: HeaderList): void;
  answered(attempt: Attempt, status: number, headers: HeaderList, endStream: boolean): void;
  data(attempt: Attempt, chunk: Uint8Array): void;
  ended(trailers: HeaderList | undefined): void;
  upgraded(headers: HeaderList, upstream: Tunnel, first: Uint8Array): void;
  failed(failure: UpstreamFailure): void;
}

/** One try, guarding against news that come after its end. */
export class Attempt implements UpstreamReceiver {
  readonly #owner: AttemptOwner;
  readonly #cluster: UpstreamCluster;
  readonly #host: UpstreamHost;
  exchange: UpstreamExchange | undefined;
  ended = false;
  #finished = false;
  #isRequestComplete = false;
  #sent: HeaderList | undefined;
  #perTry: NodeJS.Timeout | undefined;

  constructor(owner: AttemptOwner, cluster: UpstreamCluster, host: UpstreamHost) {
    this.#owner = owner;
    this.#cluster = cluster;
    this.#host = host;
  }

  begin(head: UpstreamRequestHead, protocol: 'HTTP/1.1' | 'HTTP/2'): void {
    this.#sent = head.headers;
    const exchange = this.#cluster.start(this.#host, head, this, protocol);
    this.exchange = exchange;
    if (this.ended) exchange.cancel();
  }

  /** The per-try clock starts when the whole request is here. */
  requestComplete(): void {
    this.#isRequestComplete = true;
    const { perTryTimeoutMs } = this.#owner;
    if (perTryTimeoutMs === undefined || this.ended || this.#perTry !== undefined) return;
    this.#perTry = setTimeout(() => this.#owner.perTryTimedOut(this), perTryTimeoutMs);
  }

  hostTimedOut(): void {
    this.#host.report({ kind: 'local-failure', timeout: true });
  }

  end(): void {
    if (this.ended) return;
    this.ended = true;
    clearTimeout(this.#perTry);
    if (!this.#finished) this.exchange?.cancel();
    this.#cluster.release();
  }

  onConnected({ localAddress }: { readonly localAddress: string }): void {
    if (this.ended) return;
    this.#owner.connected(localAddress);
    this.#host.report({ kind: 'connected' });
  }

  onInformational(status: number, headers: HeaderList): void {
    if (!this.ended) this.#owner.informational(status, headers);
  }

  onHead(status: number, headers: HeaderList, endStream: boolean): void {
    if (this.ended) return;
    clearTimeout(this.#perTry);
    // Nothing is outstanding either way: a further try leaves the connection whole, as in Envoy.
    if (endStream && this.#isRequestComplete) this.#finished = true;
    this.#host.report({ kind: 'status', status: statusForOutliers(status, headers, this.#sent as HeaderList) });
    this.#owner.answered(this, status, headers, endStream);
  }

  onData(chunk: Uint8Array): void {
    if (!this.ended) this.#owner.data(this, chunk);
  }

  onEnd(trailers: HeaderList | undefined): void {
    if (this.ended) return;
    this.#finished = true;
    this.#owner.ended(trailers);
  }

  onUpgraded(headers: HeaderList, tunnel: Tunnel, first: Uint8Array): void {
    if (this.ended) {
      tunnel.destroy();
      return;
    }
    this.#finished = true;
    clearTimeout(this.#perTry);
    this.#host.report({ kind: 'status', status: 101 });
    this.#owner.upgraded(headers, tunnel, first);
  }

  onFailed(failure: UpstreamFailure): void {
    if (this.ended) return;
    this.#finished = true;
    if (failure.reason !== 'overflow' && failure.reason !== 'local-reset') {
      this.#host.report({ kind: 'local-failure', timeout: failure.reason === 'connect-timeout' });
    }
    this.#owner.failed(failure);
  }

  onDrain(): void {
    if (!this.ended) this.#owner.bodyMayFlow();
  }
}
