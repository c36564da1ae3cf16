import type { FilterContext, PolicyObject, RouteInput } from '../../src/contract/index.ts';
import type { EdgePolicyBody, PolicyExemptionBody } from '../../src/resources/kinds.ts';

type Spec = EdgePolicyBody['spec'];
type Ref = PolicyObject['ref'];
export type SectionName = 'clientAddresses' | 'limits' | 'securityHeaders' | 'compression';
export type SectionOf<S extends SectionName> = NonNullable<Spec[S]>;

/** One value of a policy, and where it comes from. Plain data: it travels in the table, and `explain` shows it. */
export interface Layered<T> {
  readonly value: T;
  /** gateway: the network team's, for every route. namespace: a team's for all of its routes. route: for some of them. */
  readonly layer: 'gateway' | 'namespace' | 'route';
  readonly level: 'mandatory' | 'default';
  readonly from: Ref;
  /** As long as one of them lasts, a mandatory value does not hold. */
  readonly exemptions?: readonly Exemption[];
}

export interface Exemption {
  readonly untilMs: number;
  readonly approver: string;
  readonly from: Ref;
}

/** A value of a team's that is weaker than a mandatory one. */
export interface Weakening {
  readonly field: readonly (string | number)[];
  readonly wanted: string | number | boolean;
}

/** What a value comes to on a route: every mandatory one holds, and of the others the most particular. */
export interface Choice<T> {
  readonly mandatory: readonly Layered<T>[];
  readonly otherwise: Layered<T> | undefined;
}

export interface Layers<S extends SectionName> {
  readonly mandatory: readonly Layered<SectionOf<S>>[];
  /** From the most particular to the most general. */
  readonly others: readonly Layered<SectionOf<S>>[];
  /** Is there anything that does not hold for every route alike? */
  readonly own: boolean;
}

/** The layers of one section: for one route, or without one what holds for every request. */
export function layersOf<S extends SectionName>(section: S, context: FilterContext, route?: RouteInput): Layers<S> {
  const index = indexOf(context);
  const exemptions = route === undefined ? [] : exemptionsFor(section, route, index);
  const layered = (policy: PolicyObject, layer: Layered<unknown>['layer']): Layered<SectionOf<S>>[] => {
    const value = specOf(policy)[section];
    if (value === undefined) return [];
    const level = layer === 'gateway' ? (value.level ?? 'mandatory') : 'default';
    const lifting = level === 'mandatory' ? exemptions.filter((exemption) => lifts(exemption, policy)) : [];
    const base = { value: value as SectionOf<S>, layer, level, from: policy.ref };
    return [lifting.length === 0 ? base : { ...base, exemptions: lifting.map(exemptionOf) }];
  };
  const gateway = index.gateway.flatMap((policy) => layered(policy, 'gateway'));
  const own = route === undefined ? [] : (index.teams.get(route.owner.namespace) ?? []);
  const ofRoute = own.filter((policy) => targets(policy, route)).flatMap((policy) => layered(policy, 'route'));
  const ofNamespace = own
    .filter((policy) => specOf(policy).targetRefs === undefined)
    .flatMap((policy) => layered(policy, 'namespace'));
  const mandatory = gateway.filter(({ level }) => level === 'mandatory');
  return {
    mandatory,
    others: [...ofRoute, ...ofNamespace, ...gateway.filter(({ level }) => level === 'default')],
    own: ofRoute.length + ofNamespace.length > 0 || mandatory.some((value) => value.exemptions !== undefined),
  };
}

/** One value out of a section; undefined: no layer says anything of it. */
export function choose<S extends SectionName, T>(
  { mandatory, others }: Layers<S>,
  pick: (section: SectionOf<S>) => T | undefined,
): Choice<T> | undefined {
  const picked = (layers: readonly Layered<SectionOf<S>>[]): Layered<T>[] =>
    layers.flatMap((layer) => {
      const value = pick(layer.value);
      return value === undefined ? [] : [{ ...layer, value }];
    });
  const choice = { mandatory: picked(mandatory), otherwise: picked(others)[0] };
  return choice.mandatory.length === 0 && choice.otherwise === undefined ? undefined : choice;
}

/** What holds now: mandatory values that no exemption lifts any more, else the other one. */
export const inForce = <T>(mandatory: readonly Layered<T>[], nowMs: number): readonly Layered<T>[] =>
  mandatory.every(({ exemptions }) => exemptions === undefined)
    ? mandatory
    : mandatory.filter(({ exemptions = [] }) => exemptions.every(({ untilMs }) => untilMs <= nowMs));

/**
 * Says of each team's policy what of it the network team does not allow. `weakened`: the field that is weaker, if one is.
 * An exemption, expired or not, keeps it quiet: when it expires is a matter of the clock, not of the files.
 */
export function reportWeakened<S extends SectionName>(
  section: S,
  context: FilterContext,
  weakened: (mandatory: SectionOf<S>, own: SectionOf<S>) => readonly Weakening[],
): void {
  const { gateway, teams, exemptions } = indexOf(context);
  for (const policy of [...teams.values()].flat()) {
    const own = specOf(policy)[section];
    if (own === undefined) continue;
    for (const above of gateway) {
      const mandatory = specOf(above)[section];
      if (mandatory === undefined || mandatory.level === 'default') continue;
      const exempt = exemptions.some(
        (exemption) => covers(exemption, section, policy.ref.namespace) && lifts(exemption, above),
      );
      if (exempt) continue;
      for (const { field, wanted } of weakened(mandatory as SectionOf<S>, own as SectionOf<S>)) {
        context.report({
          object: policy.ref,
          code: 'weakens-mandatory-policy',
          field: ['spec', section, ...field],
          message: `weaker than what EdgePolicy ${above.ref.namespace}/${above.ref.name} of the network team has made mandatory for every route: ${JSON.stringify(wanted)}`,
          related: [{ message: 'the mandatory value', object: above.ref }],
        });
      }
    }
  }
}

/** What is written where it cannot act; reported once for all sections. */
export function reportMisplaced(context: FilterContext): void {
  const misplaced = (object: Ref, field: readonly string[], message: string): void =>
    context.report({ object, code: 'policy-without-effect', field, message });
  for (const policy of context.policies) {
    if (policy.kind === 'PolicyExemption' && !isNetworkTeams(policy, context))
      misplaced(policy.ref, ['metadata', 'namespace'], 'only the network team exempts, in its own namespaces');
    if (policy.kind !== 'EdgePolicy' || isGatewayLayer(policy, context)) continue;
    const spec = specOf(policy);
    if (spec.selector !== undefined)
      misplaced(
        policy.ref,
        ['spec', 'selector'],
        'gateways are chosen by the network team; use targetRefs, or neither',
      );
    const section = SECTIONS.find((name) => spec[name]?.level !== undefined);
    if (section !== undefined)
      context.report({
        object: policy.ref,
        code: 'questionable-value',
        field: ['spec', section, 'level'],
        message: 'levels are for the network team to give; this one is passed over',
      });
  }
}

const SECTIONS: readonly SectionName[] = ['clientAddresses', 'limits', 'securityHeaders', 'compression'];

/* ------------------------------------------------------------ who wrote what */

interface Index {
  readonly key: string;
  readonly gateway: readonly PolicyObject[];
  readonly teams: ReadonlyMap<string, readonly PolicyObject[]>;
  readonly exemptions: readonly PolicyObject[];
}

const indices = new WeakMap<readonly PolicyObject[], Index>();

/** Made once for a list of policies, not once for each route. */
function indexOf(context: FilterContext): Index {
  const key = JSON.stringify([context.rootNamespace, context.gatewayNamespace, context.gatewayLabels]);
  const known = indices.get(context.policies);
  if (known?.key === key) return known;
  const edge = context.policies.filter(({ kind }) => kind === 'EdgePolicy');
  const index = {
    key,
    gateway: edge.filter((policy) => isGatewayLayer(policy, context) && selects(policy, context)),
    teams: Map.groupBy(
      edge.filter((policy) => !isGatewayLayer(policy, context) && specOf(policy).selector === undefined),
      ({ ref }) => ref.namespace,
    ),
    exemptions: context.policies.filter(
      (policy) => policy.kind === 'PolicyExemption' && isNetworkTeams(policy, context),
    ),
  };
  indices.set(context.policies, index);
  return index;
}

const specOf = (policy: PolicyObject): Spec => (policy.body as EdgePolicyBody).spec;

const isNetworkTeams = ({ ref }: PolicyObject, context: FilterContext): boolean =>
  ref.namespace === context.rootNamespace || ref.namespace === context.gatewayNamespace;

/** The network team may have routes of its own, and policies for them: those with targetRefs. */
const isGatewayLayer = (policy: PolicyObject, context: FilterContext): boolean =>
  isNetworkTeams(policy, context) && specOf(policy).targetRefs === undefined;

const selects = (policy: PolicyObject, { gatewayLabels }: FilterContext): boolean =>
  Object.entries(specOf(policy).selector?.matchLabels ?? {}).every(([key, value]) => gatewayLabels[key] === value);

const targets = (policy: PolicyObject, route: RouteInput | undefined): boolean =>
  (specOf(policy).targetRefs ?? []).some(({ name }) => name === route?.owner.name);

/* ------------------------------------------------------------ exemptions */

const exemptionSpec = (exemption: PolicyObject): PolicyExemptionBody['spec'] =>
  (exemption.body as PolicyExemptionBody).spec;

const covers = (exemption: PolicyObject, section: SectionName, namespace: string): boolean => {
  const spec = exemptionSpec(exemption);
  return spec.namespace === namespace && spec.sections.includes(section);
};

const exemptionsFor = (section: SectionName, { id, owner }: RouteInput, index: Index): readonly PolicyObject[] =>
  index.exemptions.filter((exemption) => {
    const { routes } = exemptionSpec(exemption);
    const fits = routes === undefined || routes.some((route) => id === route || id.startsWith(`${route}/`));
    return fits && covers(exemption, section, owner.namespace);
  });

const lifts = (exemption: PolicyObject, policy: PolicyObject): boolean => {
  const { policy: name } = exemptionSpec(exemption);
  return name === undefined || (name === policy.ref.name && exemption.ref.namespace === policy.ref.namespace);
};

const exemptionOf = (exemption: PolicyObject): Exemption => {
  const { expires, approver } = exemptionSpec(exemption);
  return { untilMs: Date.parse(expires), approver, from: exemption.ref };
};
