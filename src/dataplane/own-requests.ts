import { HeaderList } from '../contract/headers.ts';
import type { OwnAnswer, OwnRequest } from '../contract/plugin.ts';
import { isKeepAliveRace, statusForOutliers } from './retry.ts';
import type { Tunnel, UpstreamExchange, UpstreamFailure, UpstreamReceiver } from './stream.ts';
import type { UpstreamCluster, UpstreamHost, Upstreams } from './upstreams/port.ts';

/**
 * A request of the gateway's own, such as one to an external authorizer: to a cluster of the table, over the same pools
 * and limits as everybody's, and told to outlier detection like theirs. Never rejects; whatever goes wrong is `failed`
 * with a reason for the log.
 */
export function callCluster(upstreams: Upstreams, clusterId: string, request: OwnRequest): Promise<OwnAnswer> {
  return new Promise((resolve) => {
    const cluster = upstreams.get(clusterId);
    if (cluster === undefined) resolve(failed('unknown cluster'));
    else if (request.http2 === true && cluster.cluster.protocol === 'http1')
      resolve(failed('HTTP/2 is needed, and the port is spoken to in HTTP/1.1: its protocol must be GRPC or HTTP2'));
    else if (!cluster.acquire()) resolve(failed('overflow'));
    else {
      const call = new OwnCall(cluster, request, (answer) => {
        cluster.release();
        resolve(answer);
      });
      call.start();
    }
  });
}

const failed = (reason: string): OwnAnswer => ({ kind: 'failed', reason });
const LATE: OwnAnswer = { kind: 'failed', reason: 'timeout', ended: 'late' };
const ABANDONED: OwnAnswer = { kind: 'failed', reason: 'abandoned', ended: 'abandoned' };

const NOTHING = new Uint8Array(0);

/** One request until it has its answer, its time is up, or nobody wants it any more. */
class OwnCall implements UpstreamReceiver {
  readonly #cluster: UpstreamCluster;
  readonly #request: OwnRequest;
  readonly #done: (answer: OwnAnswer) => void;
  #timer: NodeJS.Timeout | undefined;
  #host: UpstreamHost | undefined;
  #exchange: UpstreamExchange | undefined;
  #tries = 0;
  #over = false;
  readonly #sent: HeaderList;
  #status = 0;
  #headers: readonly (readonly [string, string])[] = [];
  readonly #chunks: Uint8Array[] = [];
  #size = 0;

  constructor(cluster: UpstreamCluster, request: OwnRequest, done: (answer: OwnAnswer) => void) {
    this.#cluster = cluster;
    this.#request = request;
    this.#sent = HeaderList.from(request.headers);
    this.#done = done;
  }

  start(): void {
    // An answer that came while this process was busy is not late: what has arrived is read before that is judged.
    this.#timer = setTimeout(() => setImmediate(() => this.#late()), this.#request.timeoutMs);
    this.#request.onAbandon?.(() => this.#finish(ABANDONED, true));
    if (!this.#over) this.#try();
  }

  #try(): void {
    this.#tries++;
    const avoid = new Set(this.#host === undefined ? [] : [this.#host.key]);
    const host = this.#cluster.pick({ hash: undefined, avoid });
    this.#host = host;
    if (host === undefined) {
      this.#finish(failed('no healthy endpoint'), false);
      return;
    }
    const { method, path, authority, body = NOTHING, http2 } = this.#request;
    const exchange = this.#cluster.start(
      host,
      {
        method,
        target: path,
        scheme: this.#cluster.cluster.tls === undefined ? 'http' : 'https',
        authority,
        headers: this.#sent.clone(),
        bodyLength: body.length,
        hasBody: body.length > 0,
        upgrade: undefined,
        expectContinue: false,
      },
      this,
      http2 === true ? 'HTTP/2' : 'HTTP/1.1',
    );
    this.#exchange = exchange;
    if (body.length > 0) exchange.write(body);
    exchange.end();
  }

  #late(): void {
    if (this.#over) return;
    this.#host?.report({ kind: 'local-failure', timeout: true });
    this.#finish(LATE, true);
  }

  #finish(answer: OwnAnswer, cancel: boolean): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#timer);
    if (cancel) this.#exchange?.cancel();
    this.#done(answer);
  }

  /* ---- what the try reports */

  onConnected(): void {
    this.#host?.report({ kind: 'connected' });
  }

  onInformational(): void {}

  onHead(status: number, headers: HeaderList): void {
    this.#host?.report({ kind: 'status', status: statusForOutliers(status, headers, this.#sent) });
    this.#status = status;
    this.#headers = [...headers];
  }

  onData(chunk: Uint8Array): void {
    this.#size += chunk.length;
    if (this.#size > this.#request.maxAnswerBytes) this.#finish(failed('answer too large'), true);
    else this.#chunks.push(Buffer.from(chunk));
  }

  onEnd(trailers: HeaderList | undefined): void {
    const answer = { status: this.#status, headers: this.#headers, body: Buffer.concat(this.#chunks) };
    this.#finish({ kind: 'answer', ...answer, trailers: [...(trailers ?? [])] }, false);
  }

  onUpgraded(_headers: HeaderList, tunnel: Tunnel): void {
    tunnel.destroy();
    this.#finish(failed('upgraded unasked'), false);
  }

  onFailed(failure: UpstreamFailure): void {
    if (this.#over) return;
    const { reason, detail } = failure;
    // Never looked at by the service: sent once more, as a client's request would be (edge-security R-14, RFC 9113 §8.7).
    if (this.#tries === 1 && (reason === 'remote-refused-stream' || isKeepAliveRace(this.#request.method, failure))) {
      this.#try();
      return;
    }
    if (reason !== 'overflow' && reason !== 'local-reset')
      this.#host?.report({ kind: 'local-failure', timeout: reason === 'connect-timeout' });
    this.#finish(failed(detail ?? reason), false);
  }

  onDrain(): void {}
}
