import type { HeaderList } from '../contract/headers.ts';
import type { KeptBytes } from './kept-bytes.ts';
import type { BodyTap } from './request-body.ts';
import type { Tunnel, UpstreamExchange, UpstreamReceiver, UpstreamRequestHead } from './stream.ts';
import type { UpstreamCluster, UpstreamHost } from './upstreams/port.ts';

export interface CopyOptions {
  readonly cluster: UpstreamCluster;
  /** Who sent the request that is copied; decides what is spoken where a cluster speaks as its clients do. */
  readonly clientProtocol: 'HTTP/1.1' | 'HTTP/2';
  /** By how much a mirror may lag behind the service. */
  readonly maxBehindBytes: number;
  /** From the end of the request on. */
  readonly timeoutMs: number;
  /** What lags behind is memory, like all that is kept of bodies. */
  readonly budget: KeptBytes | undefined;
  /** Called once. `lost`: the mirror did not get all of the request, by its own fault. */
  readonly onOver: (lost: boolean) => void;
}

/**
 * One copy of a request on its way. Its body goes out as it comes, however large (Envoy's streaming shadow): a mirror that
 * takes it too slowly loses it, and holds nobody up (edge-security X-13). What it answers interests nobody.
 */
export class MirrorCopy implements UpstreamReceiver, BodyTap {
  readonly #options: CopyOptions;
  #exchange: UpstreamExchange | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Written, and perhaps not sent yet. */
  #behind = 0;
  #over = false;

  constructor(options: CopyOptions) {
    this.#options = options;
  }

  start(host: UpstreamHost, head: UpstreamRequestHead): void {
    let started = false;
    try {
      this.#exchange = this.#options.cluster.start(host, head, this, this.#options.clientProtocol);
      started = true;
    } finally {
      // Whatever goes wrong on the way: a place that was taken is given back, or with time there are none.
      if (!started) this.#finish(false);
    }
  }

  /* ---- the request */

  data(chunk: Uint8Array): void {
    if (this.#over) return;
    const { maxBehindBytes, budget } = this.#options;
    if (this.#behind + chunk.length > maxBehindBytes || budget?.take(chunk.length, true) === false) {
      this.#giveUp(true);
      return;
    }
    this.#behind += chunk.length;
    if (this.#exchange?.write(chunk) === true) this.#caughtUp();
  }

  end(trailers: HeaderList | undefined): void {
    if (this.#over) return;
    this.#timer = setTimeout(() => this.#giveUp(true), this.#options.timeoutMs);
    this.#exchange?.end(trailers !== undefined && this.#carriesTrailers ? trailers : undefined);
  }

  abort(): void {
    this.#giveUp(false);
  }

  /** HTTP/1.1 services get none, as with Istio (recorded: h2/trailers). */
  get #carriesTrailers(): boolean {
    const { cluster, clientProtocol } = this.#options;
    const { protocol } = cluster.cluster;
    return protocol === 'http2' || (protocol === 'client' && clientProtocol === 'HTTP/2');
  }

  #caughtUp(): void {
    this.#options.budget?.give(this.#behind);
    this.#behind = 0;
  }

  #giveUp(lost: boolean): void {
    if (this.#over) return;
    this.#exchange?.cancel();
    this.#finish(lost);
  }

  #finish(lost: boolean): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#timer);
    this.#caughtUp();
    this.#options.onOver(lost);
  }

  /* ---- what the mirror says */

  onConnected(): void {}
  onInformational(): void {}
  onHead(): void {}
  onData(): void {}

  onEnd(): void {
    this.#finish(false);
  }

  onUpgraded(_headers: HeaderList, tunnel: Tunnel): void {
    tunnel.destroy();
    this.#finish(false);
  }

  onFailed(): void {
    this.#finish(false);
  }

  onDrain(): void {
    this.#caughtUp();
  }
}
