import { addressBlocks } from '../address-blocks.ts';
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
