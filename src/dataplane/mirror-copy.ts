import type { HeaderList } from '../contract/headers.ts';
import { fleeting } from './fleeting.ts';
import type { KeptBytes } from './kept-bytes.ts';
import type { BodyTap } from './request-body.ts';
import type { Tunnel, UpstreamExchange, UpstreamReceiver, UpstreamRequestHead } from './stream.ts';
import type { UpstreamCluster, UpstreamHost } from './upstreams/port.ts';
import { speaksHttp2 } from './upstreams/traits.ts';

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

/** What becomes of a client's upgrade, told to one mirror. */
export interface UpgradeCopy {
  /** By the client, once the service has taken the upgrade. */
  said(chunk: Uint8Array): void;
  abort(): void;
}

/**
 * One copy of a request on its way. Its body goes out as it comes, however large (Envoy's streaming shadow): a mirror that
 * takes it too slowly loses it, and holds nobody up (edge-security X-13). What it answers interests nobody.
 */
export class MirrorCopy implements UpstreamReceiver, BodyTap, UpgradeCopy {
  readonly #options: CopyOptions;
  #exchange: UpstreamExchange | undefined;
  #tunnel: Tunnel | undefined;
  /** Said by a client whose upgrade the mirror has not taken yet: before that it would be no message, but a request (Envoy waits as well). */
  #held: Uint8Array[] = [];
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
    if (this.#mayTake(chunk.length) && this.#exchange?.write(chunk) === true) this.#caughtUp();
  }

  said(chunk: Uint8Array): void {
    if (!this.#mayTake(chunk.length)) return;
    if (this.#tunnel === undefined) this.#held.push(chunk);
    else if (this.#tunnel.write(chunk)) this.#caughtUp();
  }

  #mayTake(bytes: number): boolean {
    if (this.#over) return false;
    const { maxBehindBytes, budget } = this.#options;
    if (this.#behind + bytes > maxBehindBytes || budget?.take(bytes, true) === false) {
      this.#giveUp(true);
      return false;
    }
    this.#behind += bytes;
    return true;
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
    return speaksHttp2(cluster.cluster, clientProtocol);
  }

  #caughtUp(): void {
    this.#options.budget?.give(this.#behind);
    this.#behind = 0;
  }

  #giveUp(lost: boolean): void {
    if (this.#over) return;
    if (this.#tunnel === undefined) this.#exchange?.cancel();
    this.#finish(lost);
  }

  #finish(lost: boolean): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#timer);
    this.#tunnel?.destroy();
    this.#held = [];
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
    clearTimeout(this.#timer);
    this.#tunnel = tunnel;
    tunnel.onData = ignored;
    tunnel.onDrain = fleeting(() => this.#caughtUp());
    let taken = true;
    for (const chunk of this.#held.splice(0)) taken = tunnel.write(chunk);
    if (taken) this.#caughtUp();
    // Last, since it may be closed already.
    tunnel.onClose = fleeting(() => this.#finish(false));
    tunnel.resume();
  }

  onFailed(): void {
    this.#finish(false);
  }

  onDrain(): void {
    this.#caughtUp();
  }
}

const ignored = (): void => {};
