import type { Mirror } from '../table/model.ts';
import type { GatewayExchange } from './exchange.ts';
import type { UpstreamReceiver, UpstreamRequestHead } from './stream.ts';
import type { Upstreams } from './upstreams/port.ts';

export interface MirrorOptions {
  readonly upstreams: Upstreams;
  readonly random: () => number;
  /** Copies under way; more are not made, and counted (edge-security X-13). */
  readonly maxConcurrent: number;
  /** A copy is sent when the whole body is here; a larger one is not copied, and counted. */
  readonly maxBodyBytes: number;
  /** Of the bodies of all copies under way; more are not made, and counted. */
  readonly maxBytes: number;
  /** A copy that has had no answer by then is given up. */
  readonly timeoutMs: number;
}

/** Copies of requests, sent and forgotten (istio-semantics §2.10): nothing of them shows in the request itself. */
export interface MirrorSender {
  send(exchange: GatewayExchange, mirrors: readonly Mirror[], head: UpstreamRequestHead): void;
  readonly dropped: number;
}

export function createMirrorSender(options: MirrorOptions): MirrorSender {
  let active = 0;
  let activeBytes = 0;
  let dropped = 0;

  function copy(head: UpstreamRequestHead, clusterId: string, body: Uint8Array, protocol: 'HTTP/1.1' | 'HTTP/2'): void {
    const cluster = options.upstreams.get(clusterId);
    const host = cluster?.pick({ hash: undefined, avoid: new Set() });
    if (cluster === undefined || host === undefined) return;
    if (active >= options.maxConcurrent || activeBytes + body.length > options.maxBytes || !cluster.acquire()) {
      dropped += 1;
      return;
    }
    active += 1;
    activeBytes += body.length;
    let open = true;
    const close = (): void => {
      if (!open) return;
      open = false;
      clearTimeout(timer);
      active -= 1;
      activeBytes -= body.length;
      cluster.release();
    };
    const timer = setTimeout(() => {
      exchange.cancel();
      close();
    }, options.timeoutMs);
    const exchange = cluster.start(host, head, answersIgnored(close), protocol);
    if (body.length > 0) exchange.write(body);
    exchange.end();
  }

  return {
    get dropped() {
      return dropped;
    },
    send(exchange, mirrors, head) {
      const chosen = mirrors.filter((mirror) => options.random() * 1_000_000 < mirror.perMillion);
      if (chosen.length === 0) return;
      const copied = headOfCopy(head, exchange.localAddress);
      if (exchange.body.empty) {
        for (const mirror of chosen)
          copy({ ...copied, headers: copied.headers.clone() }, mirror.cluster, new Uint8Array(0), exchange.protocol);
        return;
      }
      exchange.body.tee(options.maxBodyBytes, (bytes) => {
        if (bytes === undefined) dropped += chosen.length;
        else
          for (const mirror of chosen)
            copy(
              { ...copied, headers: copied.headers.clone(), bodyLength: bytes.length },
              mirror.cluster,
              bytes,
              exchange.protocol,
            );
      });
    },
  };
}

/** The copy's X-Forwarded-For has the gateway's own address besides (§2.10); upgrades are not copied as such. */
function headOfCopy(head: UpstreamRequestHead, gatewayAddress: string): UpstreamRequestHead {
  const headers = head.headers.clone();
  const forwardedFor = headers.get('x-forwarded-for');
  headers.set('x-forwarded-for', forwardedFor === undefined ? gatewayAddress : `${forwardedFor}, ${gatewayAddress}`);
  headers.remove('x-envoy-attempt-count');
  return { ...head, headers, upgrade: undefined, expectContinue: false, client: undefined };
}

const answersIgnored = (close: () => void): UpstreamReceiver => ({
  onConnected() {},
  onInformational() {},
  onHead() {},
  onData() {},
  onEnd: close,
  onUpgraded(_headers, tunnel) {
    tunnel.destroy();
    close();
  },
  onFailed: close,
  onDrain() {},
});
