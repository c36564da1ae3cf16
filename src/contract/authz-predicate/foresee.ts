import type { ImaginedRequest } from '../plugin.ts';
import { bindRule, type PolicyFacts } from './bind.ts';
import type { Attribute, Condition, Leaning, PolicyRule } from './model.ts';

/** What can be told of a rule while nobody has called yet; `by`: what else it looks at. */
export type Foresight =
  | { readonly kind: 'fits' }
  | { readonly kind: 'fails' }
  | { readonly kind: 'open'; readonly by: readonly string[] };

const FITS: Foresight = { kind: 'fits' };
const FAILS: Foresight = { kind: 'fails' };

/** Of an imagined request these are there; who calls, and from where, is not. */
const KNOWN: ReadonlySet<Attribute['kind']> = new Set([
  'method',
  'host',
  'path',
  'port',
  'header',
  'inline-header',
  'metadata',
] as const);

/** Lines that the gateway writes itself are not known either. */
const OWN_HEADER = /^x-(?:forwarded-|envoy-|request-id$)/;

const isKnown = (attribute: Attribute): boolean =>
  KNOWN.has(attribute.kind) && !('name' in attribute && OWN_HEADER.test(attribute.name));

/** Does the rule fit a request of which `banyan explain` knows no more than it was asked? */
export function foreseeRule({ from, to, when }: PolicyRule, leaning: Leaning, request: ImaginedRequest): Foresight {
  const allOf = (conditions: readonly Condition[]): Foresight =>
    every(conditions.map((condition) => foreseeCondition(condition, leaning, request)));
  const anyOf = (alternatives: PolicyRule['from']): Foresight =>
    alternatives.length === 0 ? FITS : some(alternatives.map(allOf));
  return every([anyOf(from), anyOf(to), allOf(when)]);
}

function foreseeCondition(condition: Condition, leaning: Leaning, request: ImaginedRequest): Foresight {
  const { attribute } = condition;
  if (!isKnown(attribute)) return { kind: 'open', by: ['name' in attribute ? attribute.name : attribute.kind] };
  const fits = bindRule({ from: [], to: [], when: [condition] }, leaning);
  // What is known looks at nothing that an imagined request does not have.
  return fits(request as unknown as PolicyFacts) ? FITS : FAILS;
}

function every(all: readonly Foresight[]): Foresight {
  if (all.some(({ kind }) => kind === 'fails')) return FAILS;
  return opened(all) ?? FITS;
}

function some(all: readonly Foresight[]): Foresight {
  if (all.some(({ kind }) => kind === 'fits')) return FITS;
  return opened(all) ?? FAILS;
}

function opened(all: readonly Foresight[]): Foresight | undefined {
  const by = new Set(all.flatMap((one) => (one.kind === 'open' ? one.by : [])));
  return by.size === 0 ? undefined : { kind: 'open', by: [...by] };
}
