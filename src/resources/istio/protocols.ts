/** Protocols of ports, by how a gateway treats them (istio-semantics §1.1). Words are read in any case. */
const FAMILIES = {
  http: 'http',
  http2: 'http',
  http_proxy: 'http',
  grpc: 'http',
  'grpc-web': 'http',
  https: 'tls',
  tls: 'tls',
  tcp: 'tcp',
  mongo: 'tcp',
  redis: 'tcp',
  mysql: 'tcp',
  udp: 'udp',
} as const satisfies Readonly<Record<string, string>>;

export type ProtocolFamily = (typeof FAMILIES)[keyof typeof FAMILIES];

/** undefined: no protocol that Istio knows. */
export function protocolFamily(protocol: string): ProtocolFamily | undefined {
  const word = protocol.toLowerCase();
  return Object.hasOwn(FAMILIES, word) ? FAMILIES[word as keyof typeof FAMILIES] : undefined;
}

export const GATEWAY_PROTOCOLS = 'HTTP, HTTPS, HTTP2, GRPC, GRPC-WEB, TLS, TCP, MONGO, REDIS or MYSQL';
