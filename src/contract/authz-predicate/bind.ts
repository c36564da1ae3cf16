import { lowerAscii } from '../../table/bytes.ts';
import { claimValues, headerValue } from '../../table/conditions.ts';
import { headerSource } from '../../table/facts.ts';
import type { Exchange } from '../exchange.ts';
import {
  bindConnectionAttribute,
  type ConnectionAttribute,
  type ConnectionPart,
  isOfConnection,
} from './bind-connection.ts';
import type { Attribute, Condition, Leaning, PolicyRule } from './model.ts';
import { anyPath } from './paths.ts';
import { anyRequestPrincipal } from './principals.ts';
import { anyElement, anyText, type TextTest } from './texts.ts';

/** What policies may look at: an `Exchange` is one. */
export type PolicyFacts = ConnectionPart &
  Pick<Exchange, 'method' | 'authority' | 'host' | 'path' | 'query' | 'scheme' | 'headers' | 'identity'>;

type Test<F> = (facts: F) => boolean;
export type PolicyTest = Test<PolicyFacts>;

/** undefined: nothing that could be asked of such facts. */
type Binder<F> = (condition: Condition) => Test<F> | undefined;

/** Made once per published policy, never per request. */
export function bindRule(rule: PolicyRule, leaning: Leaning): PolicyTest {
  const wide = leaning === 'wide';
  return bindBy<PolicyFacts>(rule, ({ attribute, values, negated }) =>
    inverted(
      isOfConnection(attribute)
        ? bindConnectionAttribute(attribute, values)
        : // What is negated leans the other way, so that the whole condition leans as its rule does.
          bindRequestAttribute(attribute, values, wide !== negated),
      negated,
    ),
  );
}

/**
 * The same for a connection whose bytes are passed on as they are: nothing of a request can be told of it. undefined: a
 * rule that allows asks for that, and falls away whole; one that denies loses what it cannot ask, and so denies more
 * (istio-semantics §6.2, bad conditions).
 */
export function bindConnectionRule(rule: PolicyRule, leaning: Leaning): Test<ConnectionPart> | undefined {
  const conditions = [...rule.from, ...rule.to, rule.when].flat();
  if (leaning === 'narrow' && !conditions.every(({ attribute }) => isOfConnection(attribute))) return undefined;
  return bindBy<ConnectionPart>(rule, ({ attribute, values, negated }) =>
    isOfConnection(attribute) ? inverted(bindConnectionAttribute(attribute, values), negated) : undefined,
  );
}

const inverted = <F>(fits: Test<F>, negated: boolean): Test<F> => (negated ? (facts) => !fits(facts) : fits);

function bindBy<F>(rule: PolicyRule, bind: Binder<F>): Test<F> {
  return every(
    [anyOf(rule.from, bind), anyOf(rule.to, bind), allOf(rule.when, bind)].filter((test) => test !== undefined),
  );
}

function every<F>(tests: readonly Test<F>[]): Test<F> {
  const [only, ...more] = tests;
  if (only === undefined) return () => true;
  if (more.length === 0) return only;
  return (facts) => {
    for (const test of tests) if (!test(facts)) return false;
    return true;
  };
}

function anyOf<F>(alternatives: readonly (readonly Condition[])[], bind: Binder<F>): Test<F> | undefined {
  const tests = alternatives.map((conditions) => allOf(conditions, bind));
  // One that asks nothing fits everything, and so does a list of none.
  if (tests.length === 0 || tests.includes(undefined)) return undefined;
  const known = tests.filter((test) => test !== undefined);
  if (known.length === 1) return known[0];
  return (facts) => {
    for (const test of known) if (test(facts)) return true;
    return false;
  };
}

function allOf<F>(conditions: readonly Condition[], bind: Binder<F>): Test<F> | undefined {
  const tests = conditions.flatMap((condition) => bind(condition) ?? []);
  return tests.length === 0 ? undefined : every(tests);
}

/** istio-semantics §6.3, a case per row. */
function bindRequestAttribute(
  attribute: Exclude<Attribute, ConnectionAttribute>,
  values: readonly string[],
  wide: boolean,
): PolicyTest {
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
  }
}

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
