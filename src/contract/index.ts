/** What a plugin is, seen from both sides. The only room that plugins may import, besides `kernel`. */
export { toBytes } from '../table/bytes.ts';
export type { ClientCertificate, Exchange, Identity, ResponseHead, TlsFacts } from './exchange.ts';
export type { FaultSide, LocalReply } from './fault.ts';
export { headerLines } from './header-lines.ts';
export { HeaderList } from './headers.ts';
export type {
  BodyTransform,
  Filter,
  FilterContext,
  FilterFinding,
  FilterSpec,
  FilterVerdict,
  GatewayPlugin,
  OwnAnswer,
  OwnRequest,
  PluginHost,
  PolicyObject,
  RouteInput,
} from './plugin.ts';
export type { PolicyMark, RequestRecord } from './record.ts';
export { redactAuthority, redactTarget, redactTokens } from './redact.ts';
export { compileStringMatch } from './string-matcher.ts';
