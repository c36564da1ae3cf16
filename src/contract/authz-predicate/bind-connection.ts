import { BlockList, isIP } from 'node:net';
import type { Exchange } from '../exchange.ts';
import type { Attribute } from './model.ts';
import { anyNamespace, anyPrincipal, anyServiceAccount, anyTrustDomain, peerNames } from './principals.ts';
import { anyText, type TextTest } from './texts.ts';

/** What of a connection policies may look at, whatever is spoken on it. */
export type ConnectionPart = Pick<Exchange, 'peerAddress' | 'clientAddress' | 'listenerPort' | 'localAddress' | 'tls'>;

type ConnectionTest = (facts: ConnectionPart) => boolean;

/** What can be told without a request (istio-semantics §6.2, "HTTP fields on TCP"). */
export type ConnectionAttribute = Exclude<
  Attribute,
  { readonly kind: 'method' | 'host' | 'path' | 'header' | 'inline-header' | 'claim' | 'request-principal' }
>;

const REQUEST_KINDS: ReadonlySet<Attribute['kind']> = new Set([
  'method',
  'host',
  'path',
  'header',
  'inline-header',
  'claim',
  'request-principal',
] as const);

export const isOfConnection = (attribute: Attribute): attribute is ConnectionAttribute =>
  !REQUEST_KINDS.has(attribute.kind);

/** istio-semantics §6.3, a case per row. */
export function bindConnectionAttribute(attribute: ConnectionAttribute, values: readonly string[]): ConnectionTest {
  switch (attribute.kind) {
    case 'port': {
      const ports = new Set(values.map(Number));
      return ({ listenerPort }) => ports.has(listenerPort);
    }
    case 'source-ip': {
      const holds = addressBlocks(values);
      return ({ peerAddress }) => holds(peerAddress);
    }
    case 'remote-ip': {
      const holds = addressBlocks(values);
      return ({ clientAddress }) => holds(clientAddress);
    }
    case 'destination-ip': {
      const holds = addressBlocks(values);
      return ({ localAddress }) => holds(localAddress);
    }
    case 'sni': {
      const fits = anyText(values);
      return ({ tls }) => tls?.serverName !== undefined && fits(tls.serverName);
    }
    case 'principal':
      return peerTest(anyPrincipal(values));
    case 'namespace':
      return peerTest(anyNamespace(values));
    case 'service-account':
      return peerTest(anyServiceAccount(values));
    case 'trust-domain':
      return peerTest(anyTrustDomain(values));
    case 'metadata':
      return () => false;
  }
}

/** Without a client certificate there is no name, and nothing fits. */
const peerTest =
  (fits: TextTest): ConnectionTest =>
  ({ tls }) =>
    tls?.client !== undefined && peerNames(tls.client).some(fits);

/** Addresses of one family are never in a block of the other. */
export function addressBlocks(blocks: readonly string[]): TextTest {
  const lists = { ipv4: new BlockList(), ipv6: new BlockList() };
  for (const block of blocks) {
    const [address = '', bits] = block.split('/');
    const family = familyOf(address);
    if (bits === undefined) lists[family].addAddress(address, family);
    else lists[family].addSubnet(address, Number(bits), family);
  }
  return (address) => {
    if (isIP(address) === 0) return false;
    const family = familyOf(address);
    return lists[family].check(address, family);
  };
}

const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIP(address) === 6 ? 'ipv6' : 'ipv4');
