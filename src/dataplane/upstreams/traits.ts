import type { Cluster } from '../../table/model.ts';

/** Is the service spoken to in HTTP/2, on behalf of a client of that protocol? */
export const speaksHttp2 = ({ protocol }: Pick<Cluster, 'protocol'>, clientProtocol: 'HTTP/1.1' | 'HTTP/2'): boolean =>
  protocol === 'http2' || (protocol === 'client' && clientProtocol === 'HTTP/2');

/** Does it matter which hash a request has? */
export const balancesByHash = ({ loadBalancer }: Pick<Cluster, 'loadBalancer'>): boolean =>
  loadBalancer.kind === 'ring-hash' || loadBalancer.kind === 'maglev';
