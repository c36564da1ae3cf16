import type { Compilation } from '../../compiler/compilation.ts';
import type { FilterSpec, ImaginedRequest } from '../../contract/plugin.ts';
import { type Diagnostic, formatPlace, type ObjectRef } from '../../diagnostics/diagnostic.ts';
import type { Resource, ResourceKind } from '../../resources/kinds.ts';
import type { ResourceSet } from '../../resources/set.ts';
import {
  type Candidate,
  explainMatch,
  type Loss,
  normalizePath,
  parseHost,
  type RequestFacts,
  toBytes,
} from '../../table/index.ts';
import type { Route } from '../../table/model.ts';
import { type Answer, answerOf, tcpAnswer, tlsRedirect } from './answer.ts';
import { claimText, headerText, matchText, ownerText, pathText, queryText } from './describe.ts';
import { chooseListener, type ListenerChoice } from './listener-choice.ts';
import { type ExplainedSource, type ExplainedValue, sourceOf, valuesIn } from './policy-values.ts';
import type { Question } from './question.ts';
import { headersInside, refusalOf, schemeInside } from './refusal.ts';

/** Everything that decides one request, in the order in which it is decided. */
export interface Explanation {
  readonly question: Question;
  /** Path as it is matched; '' where it was refused. */
  readonly path: string;
  readonly listener:
    | {
        readonly port: number;
        readonly scheme: string;
        readonly server: string | undefined;
        readonly routeConfig: string | undefined;
      }
    | undefined;
  /** Domains that take the host; the first is chosen, for good. */
  readonly domains: readonly string[];
  readonly candidates: readonly ExplainedCandidate[];
  readonly route: ExplainedRoute | undefined;
  readonly answer: Answer;
  readonly policies: readonly ExplainedPolicy[];
}

interface ExplainedRoute {
  readonly id: string;
  readonly name: string;
  readonly owner: string;
  readonly kind: string;
  readonly namespace: string;
  /** `file:line`, or the object of a cluster. */
  readonly place: string;
  readonly match: string;
}

export interface ExplainedCandidate extends ExplainedRoute {
  readonly outcome: Candidate['outcome']['kind'];
  /** Why it lost. */
  readonly reasons: readonly string[];
}

interface ExplainedPolicy {
  readonly filter: string;
  /** gateway: for every request, set by the network team. route: the route's own. */
  readonly layer: 'gateway' | 'route';
  readonly sources: readonly ExplainedSource[];
  /** Of policies in layers: each value with its own; empty for others. */
  readonly values: readonly ExplainedValue[];
  /** What would become of the request. */
  readonly foreseen: readonly string[];
  readonly settings: unknown;
}

/** What a state is explained from. */
export interface ExplainedState {
  readonly compilation: Compilation;
  readonly resources: ResourceSet;
  readonly specs: readonly FilterSpec[];
  readonly portOffset: number;
  /** For what expires, in milliseconds since 1970; default: nothing has. */
  readonly nowMs?: number;
}

export function explainQuestion(question: Question, state: ExplainedState): Explanation {
  const { table, endpoints } = state.compilation;
  const nothing = {
    question,
    listener: undefined,
    domains: [],
    candidates: [],
    route: undefined,
    policies: [],
    path: '',
  };
  const refused = refusalOf(question);
  if (refused !== undefined) return { ...nothing, answer: refused };
  const host = parseHost(toBytes(question.authority));
  if (!host.ok)
    return {
      ...nothing,
      answer: { kind: 'bad-request', status: 400, message: `'${question.authority}' is not a host` },
    };
  const path = normalizePath(toBytes(question.path), table.settings.pathNormalization);
  if (!path.ok)
    return {
      ...nothing,
      answer: { kind: 'bad-request', status: 400, message: `the path '${question.path}' is refused (${path.error})` },
    };
  const choice = chooseListener(table, question, host.host, state.portOffset);
  if (!choice.ok) return { ...nothing, path: path.path, answer: { kind: 'no-connection', message: choice.error } };
  const headers = headersInside(question, table.settings, choice.value.scheme);
  if (!headers.ok) return { ...nothing, path: path.path, listener: listenerOf(choice.value), answer: headers.error };
  const scheme = schemeInside(headers.value, choice.value.scheme);
  const facts: RequestFacts = {
    host: host.host,
    path: path.path,
    query: toBytes(question.query),
    method: question.method,
    authority: toBytes(question.authority),
    scheme,
    headers: headers.value,
    identity: undefined,
  };
  const base = { ...nothing, path: facts.path, listener: listenerOf(choice.value) };
  const { target } = choice.value;
  if (target.kind === 'tcp') {
    if (target.route !== undefined) return { ...base, answer: tcpAnswer(target.route, table, endpoints) };
    return { ...base, answer: { kind: 'no-connection', message: 'no route takes connections there: they are closed' } };
  }
  const match = explainMatch(table, target.routeConfig, facts);
  const context = { table, endpoints, facts, scheme };
  return {
    ...base,
    domains: match.domains,
    candidates: match.candidates.map(candidateOf),
    route: match.route && routeOf(match.route),
    answer: match.redirectToTls
      ? tlsRedirect(context)
      : match.route === undefined
        ? notFound(match.domains[0], facts.host)
        : answerOf(match.route, context),
    policies: policiesOf(match.route, state, {
      ...facts,
      listenerPort: choice.value.listener.port,
      route: match.route,
    }),
  };
}

const listenerOf = ({ listener, scheme, server, target }: ListenerChoice): Explanation['listener'] => ({
  port: listener.port,
  scheme,
  server: server?.id,
  routeConfig: target.kind === 'http' ? target.routeConfig : undefined,
});

function notFound(domain: string | undefined, host: string): Answer {
  const message =
    domain === undefined
      ? `no route is there for the host '${host}'`
      : `none of the routes of '${domain}' fits; other domains are not tried`;
  return { kind: 'not-found', status: 404, message };
}

const routeOf = (route: Route): ExplainedRoute => ({
  id: route.id,
  name: route.name,
  owner: ownerText(route.owner),
  kind: route.owner.kind,
  namespace: route.owner.namespace,
  place: formatPlace(route.owner),
  match: matchText(route.match),
});

function candidateOf({ route, outcome }: Candidate): ExplainedCandidate {
  const base = routeOf(route);
  switch (outcome.kind) {
    case 'answers':
      return { ...base, outcome: 'answers', reasons: [] };
    case 'shadowed':
      return { ...base, outcome: 'shadowed', reasons: [`fits as well, but ${outcome.by.id} comes first`] };
    case 'unasked':
      return {
        ...base,
        outcome: 'unasked',
        reasons: ['fits as well, but plaintext is sent to https before any route is asked'],
      };
    case 'lost':
      return { ...base, outcome: 'lost', reasons: outcome.losses.map(reasonOf) };
  }
}

function reasonOf(loss: Loss): string {
  const found = (values: readonly string[]): string =>
    values.length === 0 ? 'there is none' : `it is ${values.map((value) => `'${value}'`).join(', ')}`;
  switch (loss.kind) {
    case 'path':
      return `path is not ${pathText(loss.wanted)}`;
    case 'header':
      return `wants ${headerText(loss.wanted)}; ${found(loss.found)}`;
    case 'query':
      return `wants ${queryText(loss.wanted)}; ${found(loss.found === undefined ? [] : [loss.found])}`;
    case 'claim':
      return `wants ${claimText(loss.wanted)} of a verified token; ${found(loss.found)}`;
  }
}

/** The gateway's own first: a route may add to them, and takes none away. */
function policiesOf(
  route: Route | undefined,
  { compilation, resources, specs, nowMs = 0 }: ExplainedState,
  request: ImaginedRequest,
): readonly ExplainedPolicy[] {
  const ineffective = ineffectiveObjects(compilation.diagnostics, compilation.statuses);
  const policies: ExplainedPolicy[] = [];
  for (const spec of specs) {
    const { name, kinds } = spec;
    const workload = compilation.table.filters[name];
    const own = route?.filters[name];
    const settings = own ?? workload;
    const values = valuesIn(settings, resources, nowMs);
    const foreseen = settings === undefined ? [] : (spec.foresee?.(request, settings) ?? []);
    if (values.length > 0) {
      const layer = own === undefined ? 'gateway' : 'route';
      policies.push({ filter: name, layer, sources: sourcesOf(values), values, foreseen, settings });
      continue;
    }
    if (workload !== undefined) {
      const objects = kinds
        .flatMap((kind) => resources.ofKind(kind as ResourceKind))
        .filter((object) => !ineffective.has(keyOf(object.ref)));
      // A route's own settings take the place of these, and speak for themselves.
      const told = own === undefined ? foreseen : [];
      const layers = actingObjects(spec, objects, request);
      if (layers.length === 0 && told.length > 0) layers.push({ layer: 'gateway', acting: [] });
      for (const [i, { layer, acting }] of layers.entries())
        policies.push({
          filter: name,
          layer,
          sources: acting.map(({ ref }) => sourceOf(ref, resources)),
          values,
          foreseen: i === layers.length - 1 ? told : [],
          settings: workload,
        });
    }
    if (own !== undefined && route !== undefined)
      policies.push({
        filter: name,
        layer: 'route',
        sources: [{ object: `${route.owner.kind} ${ownerText(route.owner)}`, place: formatPlace(route.owner) }],
        values,
        foreseen,
        settings: own,
      });
  }
  return policies;
}

interface ActingObjects {
  readonly layer: 'gateway' | 'route';
  readonly acting: readonly Resource[];
}

/** Of the objects of a filter's kinds those that act there on such a request: on every request, or on this route alone. */
function actingObjects(
  { actsOn }: FilterSpec,
  objects: readonly Resource[],
  request: ImaginedRequest,
): ActingObjects[] {
  if (actsOn === undefined) return [{ layer: 'gateway', acting: objects }];
  return (['gateway', 'route'] as const)
    .map((layer) => ({ layer, acting: objects.filter((object) => actsOn(object, request) === layer) }))
    .filter(({ acting }) => acting.length > 0);
}

const sourcesOf = (values: readonly ExplainedValue[]): readonly ExplainedSource[] => [
  ...new Map(values.map(({ source }) => [source.object, source])).values(),
];

const keyOf = (ref: ObjectRef): string => `${ref.kind}/${ref.namespace}/${ref.name}`;

function ineffectiveObjects(
  diagnostics: readonly Diagnostic[],
  statuses: Compilation['statuses'],
): ReadonlySet<string> {
  const fromFindings = diagnostics.filter(
    (finding) => finding.code === 'policy-without-effect' && finding.object !== undefined,
  );
  const fromStatuses = statuses.filter(({ state }) => state === 'unattached' || state === 'refused');
  return new Set([
    ...fromFindings.map((finding) => keyOf(finding.object as ObjectRef)),
    ...fromStatuses.map(({ object }) => keyOf(object)),
  ]);
}
