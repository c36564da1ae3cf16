import { type ConnectionFacts, callGrpc, type Exchange, type PluginHost } from '../../src/contract/index.ts';
import { type CheckBody, MAX_ANSWER_BYTES } from './check.ts';
import { encodeCheck, encodeConnectionCheck } from './grpc-check.ts';
import { decodeVerdict } from './grpc-verdict.ts';
import type { GrpcProvider } from './provider.ts';
import type { Verdict } from './verdict.ts';

type Call = PluginHost['callCluster'];

/** Asks an authorizer over gRPC. */
export const askOverGrpc = (
  call: Call,
  exchange: Exchange,
  provider: GrpcProvider,
  body: CheckBody | undefined,
): Promise<Verdict> =>
  ask(call, provider, encodeCheck(exchange, provider, body), (abandon) => exchange.onClientGone(abandon));

/** The same about a connection whose bytes are passed on as they are. */
export const askAboutConnection = (call: Call, connection: ConnectionFacts, provider: GrpcProvider): Promise<Verdict> =>
  ask(call, provider, encodeConnectionCheck(connection));

async function ask(
  call: Call,
  { cluster, authority, timeoutMs }: GrpcProvider,
  message: Uint8Array,
  onAbandon?: (abandon: () => void) => void,
): Promise<Verdict> {
  const answer = await callGrpc(call, {
    cluster,
    method: '/envoy.service.auth.v3.Authorization/Check',
    authority,
    message,
    timeoutMs,
    maxAnswerBytes: MAX_ANSWER_BYTES,
    decode: decodeVerdict,
    ...(onAbandon !== undefined && { onAbandon }),
  });
  return answer.kind === 'failed' ? answer : answer.message;
}
