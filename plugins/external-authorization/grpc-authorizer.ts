import { callGrpc, type Exchange, type PluginHost } from '../../src/contract/index.ts';
import { type CheckBody, MAX_ANSWER_BYTES } from './check.ts';
import { encodeCheck } from './grpc-check.ts';
import { decodeVerdict } from './grpc-verdict.ts';
import type { GrpcProvider } from './provider.ts';
import type { Verdict } from './verdict.ts';

/** Asks an authorizer over gRPC. */
export async function askOverGrpc(
  call: PluginHost['callCluster'],
  exchange: Exchange,
  provider: GrpcProvider,
  body: CheckBody | undefined,
): Promise<Verdict> {
  const answer = await callGrpc(call, {
    cluster: provider.cluster,
    method: '/envoy.service.auth.v3.Authorization/Check',
    authority: provider.authority,
    message: encodeCheck(exchange, provider, body),
    timeoutMs: provider.timeoutMs,
    maxAnswerBytes: MAX_ANSWER_BYTES,
    onAbandon: (abandon) => exchange.onClientGone(abandon),
    decode: decodeVerdict,
  });
  return answer.kind === 'failed' ? answer : answer.message;
}
