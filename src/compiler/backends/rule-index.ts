import { memoizeByIdentity } from '../../kernel/memo.ts';
import type { ResourceOf } from '../../resources/kinds.ts';
import type { CompileOptions } from '../compilation.ts';
import { type DestinationRule, mergeRules, readRule } from './destination-rule.ts';
import { coveringHosts, coversPartially, isPartialWildcard, labelsFit } from './names.ts';
import { remembered } from './remember.ts';

/** Rules of one namespace by host, exact or wildcard; several for one host where they could not be merged, in their order. */
interface HostTable {
  readonly rules: Map<string, DestinationRule[]>;
  /** Wildcards that begin within a label, such as `*-api.shop.svc.cluster.local`. */
  readonly partial: string[];
}

const hostTable = (): HostTable => ({ rules: new Map(), partial: [] });

export interface ServiceName {
  readonly host: string;
  readonly namespace: string;
}

export interface RuleIndex {
  /** The rule that shapes traffic from this gateway to a service; undefined: none. */
  select(service: ServiceName): DestinationRule | undefined;
  /** Every rule written for exactly that host, whoever may see it: to explain why one does not count. */
  writtenFor(host: string): readonly DestinationRule[];
}

/** istio-semantics §3.1: gateway's namespace, then the service's, then the root; the first with a rule for the host decides. */
export const buildRuleIndex = memoizeByIdentity(
  (resources: readonly ResourceOf<'DestinationRule'>[], options: CompileOptions): RuleIndex => {
    const { mesh, gatewayNamespace } = options;
    const tables = sortIntoTables(resources, options);
    const ownRules = gatewayNamespace === mesh.rootNamespace ? tables.rootPrivate : tables.ofGatewayNamespace;
    const chosen = new WeakMap<ServiceName, DestinationRule | undefined>();

    const choose = (service: ServiceName): DestinationRule | undefined => {
      const own = mostSpecific(ownRules, service.host);
      if (own !== undefined) return pick(own, options);
      for (const namespace of [service.namespace, mesh.rootNamespace]) {
        const candidates = mostSpecific(tables.exported.get(namespace), service.host);
        const seen = candidates?.filter((rule) => isVisible(rule, options)) ?? [];
        if (seen.length > 0) return pick(seen, options);
      }
      return undefined;
    };
    return {
      select(service) {
        if (!chosen.has(service)) chosen.set(service, choose(service));
        return chosen.get(service);
      },
      writtenFor: (host) => tables.byHost.rules.get(host) ?? [],
    };
  },
);

interface Tables {
  readonly ofGatewayNamespace: HostTable;
  readonly rootPrivate: HostTable;
  readonly exported: Map<string, HostTable>;
  readonly byHost: HostTable;
}

function sortIntoTables(resources: readonly ResourceOf<'DestinationRule'>[], options: CompileOptions): Tables {
  const { mesh, gatewayNamespace } = options;
  const tables: Tables = {
    ofGatewayNamespace: hostTable(),
    rootPrivate: hostTable(),
    exported: new Map(),
    byHost: hostTable(),
  };
  const rules = resources.map((resource) => readRule(resource, mesh));
  const inOrder = [...rules.filter((rule) => rule.selector), ...rules.filter((rule) => !rule.selector)];
  for (const rule of inOrder) {
    rulesFor(tables.byHost, rule.host).push(rule);
    const { exportTo, namespace } = rule;
    const forOwn = exportTo.size === 0 || exportTo.has('*') || exportTo.has(namespace);
    if (namespace === gatewayNamespace && forOwn) add(tables.ofGatewayNamespace, rule);
    if (isPrivate(rule, mesh.defaultDestinationRuleExportTo)) {
      if (namespace === mesh.rootNamespace) add(tables.rootPrivate, rule);
    } else {
      add(remembered(tables.exported, namespace, hostTable), rule);
    }
  }
  return tables;
}

const isPrivate = ({ exportTo, namespace }: DestinationRule, meshDefault: readonly string[]): boolean =>
  exportTo.size === 0 ? meshDefault.includes('.') : exportTo.size === 1 && exportTo.has(namespace);

const isVisible = ({ exportTo }: DestinationRule, { gatewayNamespace }: CompileOptions): boolean =>
  exportTo.size === 0 || exportTo.has('*') || exportTo.has(gatewayNamespace);

function rulesFor({ rules, partial }: HostTable, host: string): DestinationRule[] {
  if (isPartialWildcard(host) && !rules.has(host)) partial.push(host);
  return remembered(rules, host, () => []);
}

/** Rules of equal exportTo and selector become one, in the place of the first. */
function add(table: HostTable, rule: DestinationRule): void {
  const known = rulesFor(table, rule.host);
  const at = known.findIndex((other) => sameSet(other.exportTo, rule.exportTo) && sameSelector(other, rule));
  const other = known[at];
  if (other === undefined) known.push(rule);
  else known[at] = mergeRules(other, rule);
}

const sameSet = (a: ReadonlySet<string>, b: ReadonlySet<string>): boolean =>
  a.size === b.size && [...a].every((value) => b.has(value));

const sameSelector = ({ selector: a }: DestinationRule, { selector: b }: DestinationRule): boolean =>
  a === b || (a !== undefined && b !== undefined && labelsFit(a, b) && labelsFit(b, a));

function mostSpecific(table: HostTable | undefined, host: string): readonly DestinationRule[] | undefined {
  if (table === undefined || table.rules.size === 0) return undefined;
  const { rules, partial } = table;
  const whole = coveringHosts(host).find((covering) => rules.has(covering));
  const covering = partial
    .filter((wildcard) => coversPartially(wildcard, host))
    .reduce((best, wildcard) => (best === host || (best?.length ?? 0) >= wildcard.length ? best : wildcard), whole);
  return covering === undefined ? undefined : rules.get(covering);
}

/** A rule for gateways with our labels, else the last of those for all: the youngest (istio-semantics §3.1). */
function pick(rules: readonly DestinationRule[], options: CompileOptions): DestinationRule | undefined {
  const forUs = rules.find(
    ({ selector, namespace }) =>
      selector !== undefined && namespace === options.gatewayNamespace && labelsFit(selector, options.gatewayLabels),
  );
  return forUs ?? rules.findLast((rule) => rule.selector === undefined);
}
