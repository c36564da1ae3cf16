/** What a plugin is, seen from both sides. The only room that plugins may import, besides `kernel`. */
export { fromBytes, toBytes } from '../table/bytes.ts';
export { addressBlocks } from './address-blocks.ts';
export type { ConnectionRecord } from './connection-record.ts';
export type { ClientCertificate, ConnectionFacts, Exchange, Identity, ResponseHead, TlsFacts } from './exchange.ts';
export type { FaultSide, LocalReply } from './fault.ts';
export { callGrpc, type GrpcAnswer } from './grpc.ts';
export { headerLines } from './header-lines.ts';
export { mayBeSet, mayBeSetOnRequest } from './header-syntax.ts';
export { HeaderList } from './headers.ts';
export { Note } from './note.ts';
export { Outage, type Tell, tellBy } from './outage.ts';
export type {
  BodyTransform,
  Filter,
  FilterContext,
  FilterFinding,
  FilterSpec,
  FilterVerdict,
  GatewayPlugin,
  ImaginedRequest,
  OwnAnswer,
  OwnRequest,
  PluginHost,
  PolicyObject,
  RouteInput,
} from './plugin.ts';
export type { PolicyMark, RequestRecord } from './record.ts';
export { redactAuthority, redactTarget, redactTokens } from './redact.ts';
export { compileStringMatch } from './string-matcher.ts';
