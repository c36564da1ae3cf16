import { isIP } from 'node:net';
import type { Attribute, Condition, Leaning, PolicyRule } from './model.ts';
import { DEFAULT_TRUST_DOMAINS, inAllTrustDomains, type TrustDomains } from './trust-domains.ts';

type Values = readonly string[] | undefined;

/** A rule of an AuthorizationPolicy as its schema has it, validated. */
export interface WrittenRule {
  readonly from?: readonly { readonly source?: WrittenSource }[];
  readonly to?: readonly { readonly operation?: WrittenOperation }[];
  readonly when?: readonly { readonly key?: string; readonly values?: Values; readonly notValues?: Values }[];
}

type Names<T extends string> = { readonly [K in T | `not${Capitalize<T>}`]?: readonly string[] };
type WrittenSource = Names<
  'principals' | 'requestPrincipals' | 'namespaces' | 'ipBlocks' | 'remoteIpBlocks' | 'serviceAccounts' | 'trustDomains'
>;
type WrittenOperation = Names<'hosts' | 'ports' | 'methods' | 'paths'>;

/**
 * `namespace`: of the policy; a service account without one is of there. undefined: a rule that allows has a condition
 * nobody can meet, and falls away whole; in a rule that denies such a condition falls away alone (§6.2).
 */
export function compileRule(
  written: WrittenRule,
  namespace: string,
  leaning: Leaning,
  trustDomains: TrustDomains = DEFAULT_TRUST_DOMAINS,
): PolicyRule | undefined {
  const compiler = new RuleCompiler(namespace, leaning, trustDomains);
  const rule: PolicyRule = {
    from: (written.from ?? []).map(({ source = {} }) => compiler.source(source)),
    to: (written.to ?? []).map(({ operation = {} }) => compiler.operation(operation)),
    when: (written.when ?? []).flatMap((when) => {
      const attribute = attributeOf(when.key ?? '');
      return attribute === undefined ? compiler.broken() : compiler.field(attribute, when.values, when.notValues);
    }),
  };
  return compiler.isBroken && leaning === 'narrow' ? undefined : rule;
}

class RuleCompiler {
  readonly #namespace: string;
  readonly #leaning: Leaning;
  readonly #trustDomains: TrustDomains;
  isBroken = false;

  constructor(namespace: string, leaning: Leaning, trustDomains: TrustDomains) {
    this.#namespace = namespace;
    this.#leaning = leaning;
    this.#trustDomains = trustDomains;
  }

  source(source: WrittenSource): readonly Condition[] {
    return [
      ...this.field({ kind: 'principal' }, source.principals, source.notPrincipals),
      ...this.field({ kind: 'request-principal' }, source.requestPrincipals, source.notRequestPrincipals),
      ...this.field({ kind: 'namespace' }, source.namespaces, source.notNamespaces),
      ...this.field({ kind: 'service-account' }, source.serviceAccounts, source.notServiceAccounts),
      ...this.field({ kind: 'trust-domain' }, source.trustDomains, source.notTrustDomains),
      ...this.field({ kind: 'remote-ip' }, source.remoteIpBlocks, source.notRemoteIpBlocks),
      ...this.field({ kind: 'source-ip' }, source.ipBlocks, source.notIpBlocks),
    ];
  }

  operation(operation: WrittenOperation): readonly Condition[] {
    return [
      ...this.field({ kind: 'host' }, operation.hosts, operation.notHosts),
      ...this.field({ kind: 'method' }, operation.methods, operation.notMethods),
      ...this.field({ kind: 'path' }, operation.paths, operation.notPaths),
      ...this.field({ kind: 'port' }, operation.ports, operation.notPorts),
    ];
  }

  field(attribute: Attribute, values: Values, notValues: Values): readonly Condition[] {
    return [...this.#condition(attribute, values, false), ...this.#condition(attribute, notValues, true)];
  }

  broken(): readonly Condition[] {
    this.isBroken = true;
    return [];
  }

  /** An empty list is as if it were absent. */
  #condition(attribute: Attribute, written: Values, negated: boolean): readonly Condition[] {
    const known = (written ?? []).filter((value) => isMeant(attribute, value));
    if (known.length !== (written ?? []).length) this.isBroken = true;
    if (known.length === 0 || (this.isBroken && this.#leaning === 'narrow')) return [];
    return [{ attribute, values: this.#meant(attribute, known), negated }];
  }

  #meant(attribute: Attribute, values: readonly string[]): readonly string[] {
    switch (attribute.kind) {
      case 'service-account':
        return values.map((value) => this.#qualified(value));
      case 'principal':
        return inAllTrustDomains(values, this.#trustDomains);
      default:
        return values;
    }
  }

  #qualified(account: string): string {
    return account.includes('/') ? account : `${this.#namespace}/${account}`;
  }
}

/** Can the value be compared with the attribute at all? */
function isMeant(attribute: Attribute, value: string): boolean {
  switch (attribute.kind) {
    case 'source-ip':
    case 'remote-ip':
    case 'destination-ip':
      return isBlock(value);
    case 'port':
      return /^\d{1,5}$/.test(value) && Number(value) <= 65_535;
    default:
      return true;
  }
}

function isBlock(text: string): boolean {
  const [address = '', bits, ...more] = text.split('/');
  const version = isIP(address);
  if (version === 0 || more.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128));
}

const PLAIN_KEYS: Readonly<Record<string, Attribute>> = {
  'source.ip': { kind: 'source-ip' },
  'remote.ip': { kind: 'remote-ip' },
  'source.namespace': { kind: 'namespace' },
  'source.principal': { kind: 'principal' },
  'source.serviceAccount': { kind: 'service-account' },
  'source.trustDomain': { kind: 'trust-domain' },
  'request.auth.principal': { kind: 'request-principal' },
  'request.auth.audiences': { kind: 'claim', path: ['aud'] },
  'request.auth.presenter': { kind: 'claim', path: ['azp'] },
  'destination.ip': { kind: 'destination-ip' },
  'destination.port': { kind: 'port' },
  'connection.sni': { kind: 'sni' },
};

const HEADER_KEY = /^request\.headers\[(.+)\]$/;
const INLINE_HEADER_KEY = /^request\.experimental\.inline\.headers\[(.+)\]$/;
/** `[a][b]` is `b` of `a`; where the brackets do not come in pairs, what is between the outer ones is one name. */
const CLAIM_KEY = /^request\.auth\.claims(?:((?:\[[^[\]]+\])+)|\[(.+)\])$/;

/** undefined: no such attribute (§6.3). */
function attributeOf(key: string): Attribute | undefined {
  if (Object.hasOwn(PLAIN_KEYS, key)) return PLAIN_KEYS[key];
  const header = HEADER_KEY.exec(key)?.[1];
  if (header !== undefined) return { kind: 'header', name: header.toLowerCase() };
  const inline = INLINE_HEADER_KEY.exec(key)?.[1];
  if (inline !== undefined) return { kind: 'inline-header', name: inline.toLowerCase() };
  const [, nested, whole] = CLAIM_KEY.exec(key) ?? [];
  if (nested !== undefined) return { kind: 'claim', path: nested.slice(1, -1).split('][') };
  if (whole !== undefined) return { kind: 'claim', path: [whole] };
  return /^experimental\.envoy\.filters\..+\[.+\]$/.test(key) ? { kind: 'metadata' } : undefined;
}
