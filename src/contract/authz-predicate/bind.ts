import { BlockList, isIP } from 'node:net';
import { lowerAscii } from '../../table/bytes.ts';
import { claimValues, headerValue } from '../../table/conditions.ts';
import { headerSource } from '../../table/facts.ts';
import type { Exchange } from '../exchange.ts';
import type { Attribute, Condition, Leaning, PolicyRule } from './model.ts';
import { anyPath } from './paths.ts';
import {
  anyNamespace,
  anyPrincipal,
  anyRequestPrincipal,
  anyServiceAccount,
  anyTrustDomain,
  peerNames,
} from './principals.ts';
import { anyElement, anyText, type TextTest } from './texts.ts';

/** What policies may look at: an `Exchange` is one. */
export type PolicyFacts = Pick<
  Exchange,
  | 'method'
  | 'authority'
  | 'host'
  | 'path'
  | 'query'
  | 'scheme'
  | 'headers'
  | 'peerAddress'
  | 'clientAddress'
  | 'listenerPort'
  | 'localAddress'
  | 'tls'
  | 'identity'
>;

export type PolicyTest = (facts: PolicyFacts) => boolean;

/** Made once per published policy, never per request. */
export function bindRule(rule: PolicyRule, leaning: Leaning): PolicyTest {
  const wide = leaning === 'wide';
  const tests = [anyOf(rule.from, wide), anyOf(rule.to, wide), allOf(rule.when, wide)].filter(
    (test) => test !== undefined,
  );
  return every(tests);
}

function every(tests: readonly PolicyTest[]): PolicyTest {
  const [only, ...more] = tests;
  if (only === undefined) return () => true;
  if (more.length === 0) return only;
  return (facts) => {
    for (const test of tests) if (!test(facts)) return false;
    return true;
  };
}

function anyOf(alternatives: readonly (readonly Condition[])[], wide: boolean): PolicyTest | undefined {
  const tests = alternatives.map((conditions) => allOf(conditions, wide));
  // One that asks nothing fits everything, and so does a list of none.
  if (tests.length === 0 || tests.includes(undefined)) return undefined;
  const known = tests.filter((test) => test !== undefined);
  if (known.length === 1) return known[0];
  return (facts) => {
    for (const test of known) if (test(facts)) return true;
    return false;
  };
}

function allOf(conditions: readonly Condition[], wide: boolean): PolicyTest | undefined {
  return conditions.length === 0 ? undefined : every(conditions.map((condition) => bindCondition(condition, wide)));
}

/** What is negated leans the other way, so that the whole condition leans as its rule does. */
function bindCondition({ attribute, values, negated }: Condition, wide: boolean): PolicyTest {
  const fits = bindAttribute(attribute, values, wide !== negated);
  return negated ? (facts) => !fits(facts) : fits;
}

/** istio-semantics §6.3, a case per row. */
function bindAttribute(attribute: Attribute, values: readonly string[], wide: boolean): PolicyTest {
  switch (attribute.kind) {
    case 'method': {
      const fits = anyText(values);
      return ({ method }) => fits(method);
    }
    case 'host': {
      const fits = anyText(values, { ignoreCase: true, emptyIsPresent: true });
      return ({ authority }) => fits(lowerAscii(authority));
    }
    case 'path': {
      const fits = anyPath(values, wide);
      return ({ path }) => fits(path);
    }
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
    case 'header':
      return bindHeader(attribute.name, anyText(values, { emptyIsPresent: true }), wide);
    case 'inline-header':
      return bindHeader(attribute.name, anyElement(values), wide);
    case 'claim': {
      const fits = anyText(values);
      return ({ identity }) => identity !== undefined && claimValues(attribute.path, identity).some(fits);
    }
    case 'request-principal': {
      const fits = anyRequestPrincipal(values);
      return ({ identity }) => identity !== undefined && fits(identity);
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
  (fits: TextTest): PolicyTest =>
  ({ tls }) =>
    tls?.client !== undefined && peerNames(tls.client).some(fits);

/**
 * Repeated lines are looked at one by one, never joined. Where a rule denies, any line that fits is enough; where it
 * allows, all must fit (edge-security S-08). A header that is not there never fits.
 */
function bindHeader(name: string, fits: TextTest, wide: boolean): PolicyTest {
  const source = headerSource(name);
  if (source !== 'lines') {
    return (facts) => {
      const value = headerValue(source, name, facts);
      return value !== undefined && fits(value);
    };
  }
  return ({ headers }) => {
    const flat = headers.raw();
    let found = false;
    for (let i = 0; i < flat.length; i += 2) {
      if (flat[i] !== name) continue;
      found = true;
      if (fits(flat[i + 1] as string) === wide) return wide;
    }
    return found && !wide;
  };
}

/** Addresses of one family are never in a block of the other. */
function addressBlocks(blocks: readonly string[]): TextTest {
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
