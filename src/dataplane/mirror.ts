import type { Mirror } from '../table/model.ts';
import type { GatewayExchange } from './exchange.ts';
import { MirrorCopy, type UpgradeCopy } from './mirror-copy.ts';
import { MirrorPlaces } from './mirror-places.ts';
import type { UpstreamRequestHead } from './stream.ts';
import type { Upstreams } from './upstreams/port.ts';

export interface MirrorOptions {
  readonly upstreams: Upstreams;
  readonly random: () => number;
  /** Copies under way, half of them of one namespace; more are not made, and counted (edge-security X-13). */
  readonly maxConcurrent: number;
  /** By how much of a request's body a mirror may lag behind the service; one that is slower is given up, and counted. */
  readonly maxBehindBytes: number;
  /** A copy that has had no answer so long after its end is given up. */
  readonly timeoutMs: number;
}

/** Copies of requests, sent and forgotten (istio-semantics §2.10): nothing of them shows in the request itself. */
export interface MirrorSender {
  /** Returns the copies of an upgrade, which are to hear what the client says after it, and when that is over. */
  send(exchange: GatewayExchange, mirrors: readonly Mirror[], head: UpstreamRequestHead): readonly UpgradeCopy[];
  readonly dropped: number;
}

export function createMirrorSender(options: MirrorOptions): MirrorSender {
  const places = new MirrorPlaces(options.maxConcurrent);
  let dropped = 0;

  function begin(exchange: GatewayExchange, head: UpstreamRequestHead, clusterId: string): MirrorCopy | undefined {
    const cluster = options.upstreams.get(clusterId);
    const host = cluster?.pick({ hash: undefined, avoid: new Set() });
    if (cluster === undefined || host === undefined) return undefined;
    const namespace = exchange.route?.owner.namespace ?? '';
    if (!places.take(namespace)) {
      dropped += 1;
      return undefined;
    }
    if (!cluster.acquire()) {
      places.give(namespace);
      dropped += 1;
      return undefined;
    }
    const copy = new MirrorCopy({
      cluster,
      clientProtocol: exchange.protocol,
      maxBehindBytes: options.maxBehindBytes,
      timeoutMs: options.timeoutMs,
      budget: exchange.body.budget,
      onOver(lost) {
        places.give(namespace);
        cluster.release();
        if (lost) dropped += 1;
      },
    });
    copy.start(host, head);
    return copy;
  }

  return {
    get dropped() {
      return dropped;
    },
    send(exchange, mirrors, head) {
      const chosen = mirrors.filter((mirror) => options.random() * 1_000_000 < mirror.perMillion);
      if (chosen.length === 0) return NO_COPIES;
      const copied = headOfCopy(head, exchange.localAddress);
      const copies: UpgradeCopy[] = [];
      for (const { cluster } of chosen) {
        const copy = begin(exchange, { ...copied, headers: copied.headers.clone() }, cluster);
        if (copy === undefined) continue;
        if (head.upgrade !== undefined) copies.push(copy);
        if (exchange.body.empty) copy.end(undefined);
        else exchange.body.tap(copy);
      }
      return copies;
    },
  };
}

const NO_COPIES: readonly UpgradeCopy[] = [];

/** The copy's X-Forwarded-For has the gateway's own address besides (§2.10). */
function headOfCopy(head: UpstreamRequestHead, gatewayAddress: string): UpstreamRequestHead {
  const headers = head.headers.clone();
  const forwardedFor = headers.get('x-forwarded-for');
  headers.set('x-forwarded-for', forwardedFor === undefined ? gatewayAddress : `${forwardedFor},${gatewayAddress}`);
  headers.remove('x-envoy-attempt-count');
  return { ...head, headers, client: undefined };
}
