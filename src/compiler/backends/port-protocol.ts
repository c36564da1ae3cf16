const WORDS = [
  'TCP',
  'UDP',
  'HTTP',
  'HTTP2',
  'HTTP_PROXY',
  'HTTPS',
  'GRPC',
  'GRPC-Web',
  'TLS',
  'Mongo',
  'Redis',
  'MySQL',
] as const;

/** `unsupported`: nothing declares one; a gateway then speaks HTTP/1.1. */
export type PortProtocol = (typeof WORDS)[number] | 'unsupported';

const BY_WORD: ReadonlyMap<string, PortProtocol> = new Map(WORDS.map((word) => [word.toLowerCase(), word]));

/** What `appProtocol` may say besides a protocol's own word. */
const KUBERNETES_WORDS: ReadonlyMap<string, PortProtocol> = new Map([
  ['kubernetes.io/h2c', 'HTTP2'],
  ['kubernetes.io/ws', 'HTTP'],
  ['kubernetes.io/wss', 'HTTPS'],
]);

/** SMTP, DNS, MySQL, MongoDB: their servers speak first, or not HTTP. */
const TCP_NUMBERS: ReadonlySet<number> = new Set([25, 53, 3306, 27017]);

/** A protocol as a ServiceEntry or a Gateway writes it. */
export const parseProtocol = (word: string): PortProtocol => BY_WORD.get(word.toLowerCase()) ?? 'unsupported';

export interface NamedPort {
  readonly name?: string | undefined;
  readonly port: number;
  readonly protocol?: string | undefined;
  readonly appProtocol?: string | undefined;
}

/** Of a Kubernetes service's port: `appProtocol` before the name's first word before the number (istio-semantics §5). */
export function servicePortProtocol(port: NamedPort): PortProtocol {
  if (port.protocol === 'UDP') return 'UDP';
  const declared = port.appProtocol ?? port.name ?? '';
  const fixed = port.appProtocol === undefined ? undefined : KUBERNETES_WORDS.get(declared);
  if (fixed !== undefined) return fixed;
  if (declared.toLowerCase().startsWith('grpc-web')) return 'GRPC-Web';
  const hyphen = declared.indexOf('-');
  const protocol = parseProtocol(hyphen < 0 ? declared : declared.slice(0, hyphen));
  return protocol === 'unsupported' && TCP_NUMBERS.has(port.port) ? 'TCP' : protocol;
}

const HTTP2: ReadonlySet<string> = new Set<PortProtocol>(['HTTP2', 'GRPC', 'GRPC-Web']);
const HTTP: ReadonlySet<string> = new Set<PortProtocol>([
  ...(HTTP2 as ReadonlySet<PortProtocol>),
  'HTTP',
  'HTTP_PROXY',
]);

export const isHttp2 = (protocol: string): boolean => HTTP2.has(protocol);
export const isHttp = (protocol: string): boolean => HTTP.has(protocol);
