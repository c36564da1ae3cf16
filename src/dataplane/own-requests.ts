import { HeaderList } from '../contract/headers.ts';
import type { OwnAnswer, OwnRequest } from '../contract/plugin.ts';
import type { UpstreamReceiver } from './stream.ts';
import type { Upstreams } from './upstreams/port.ts';

/**
 * A request of the gateway's own, such as one to an external authorizer: to a cluster of the table, over the same pools
 * and limits as everybody's. Never rejects; whatever goes wrong is `failed` with a reason for the log.
 */
export function callCluster(upstreams: Upstreams, clusterId: string, request: OwnRequest): Promise<OwnAnswer> {
  return new Promise((resolve) => {
    const cluster = upstreams.get(clusterId);
    const host = cluster?.pick({ hash: undefined, avoid: new Set() });
    if (cluster === undefined) {
      resolve({ kind: 'failed', reason: 'unknown cluster' });
      return;
    }
    if (host === undefined) {
      resolve({ kind: 'failed', reason: 'no healthy endpoint' });
      return;
    }
    if (!cluster.acquire()) {
      resolve({ kind: 'failed', reason: 'overflow' });
      return;
    }
    let open = true;
    const finish = (answer: OwnAnswer, cancel: boolean): void => {
      if (!open) return;
      open = false;
      clearTimeout(timer);
      if (cancel) exchange.cancel();
      cluster.release();
      resolve(answer);
    };
    const timer = setTimeout(() => finish({ kind: 'failed', reason: 'timeout' }, true), request.timeoutMs);
    const body = request.body ?? new Uint8Array(0);
    const exchange = cluster.start(
      host,
      {
        method: request.method,
        target: request.path,
        scheme: 'http',
        authority: request.authority,
        headers: HeaderList.from(request.headers),
        bodyLength: body.length,
        hasBody: body.length > 0,
        upgrade: undefined,
        expectContinue: false,
      },
      collect(request.maxAnswerBytes, finish),
      'HTTP/1.1',
    );
    if (body.length > 0) exchange.write(body);
    exchange.end();
  });
}

function collect(maxBytes: number, finish: (answer: OwnAnswer, cancel: boolean) => void): UpstreamReceiver {
  let status = 0;
  let headers: readonly (readonly [string, string])[] = [];
  const chunks: Uint8Array[] = [];
  let size = 0;
  return {
    onConnected() {},
    onInformational() {},
    onHead(code, lines) {
      status = code;
      headers = [...lines];
    },
    onData(chunk) {
      size += chunk.length;
      if (size > maxBytes) finish({ kind: 'failed', reason: 'answer too large' }, true);
      else chunks.push(Buffer.from(chunk));
    },
    onEnd: () => finish({ kind: 'answer', status, headers, body: Buffer.concat(chunks) }, false),
    onUpgraded(_headers, tunnel) {
      tunnel.destroy();
      finish({ kind: 'failed', reason: 'upgraded unasked' }, false);
    },
    onFailed: (failure) => finish({ kind: 'failed', reason: failure.detail ?? failure.reason }, false),
    onDrain() {},
  };
}
