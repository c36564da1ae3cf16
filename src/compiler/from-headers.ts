import { by, compareStrings } from '../kernel/compare.ts';
import type { Headers, HeaderOperations as WrittenOperations } from '../resources/index.ts';
import type { HeaderOperations } from '../table/index.ts';

export const NO_OPERATIONS: HeaderOperations = { remove: [], set: [], add: [] };

export interface TranslatedHeaders {
  readonly request: HeaderOperations;
  readonly response: HeaderOperations;
  /** What `Host` or `:authority` is set to, or else added as: they rewrite the Host and are no headers (istio-semantics §2.11). */
  readonly host: string | undefined;
}

const NONE: TranslatedHeaders = { request: NO_OPERATIONS, response: NO_OPERATIONS, host: undefined };

export function translateHeaderOperations(headers: Headers | undefined): TranslatedHeaders {
  if (headers === undefined) return NONE;
  return {
    request: translateLevel(headers.request),
    response: withoutOneHop(translateLevel(headers.response)),
    host: hostOf(headers.request?.set) ?? hostOf(headers.request?.add),
  };
}

/**
 * Of one destination alone, its operations are appended to those of the route, so that the later set wins: the
 * destination's, which come last (istio-semantics §2.11).
 */
export function appendOperations(route: HeaderOperations, destination: HeaderOperations): HeaderOperations {
  if (destination === NO_OPERATIONS) return route;
  if (route === NO_OPERATIONS) return destination;
  return {
    remove: [...route.remove, ...destination.remove],
    set: [...route.set, ...destination.set],
    add: [...route.add, ...destination.add],
  };
}

const TOKEN = /^[-!#$%&'*+.^_`|~0-9A-Za-z]+$/;

/** A name that passes admission and yet can stand in no header line: Envoy answers 503 there (istio-semantics §2.11). */
export function unusableName(operations: HeaderOperations): string | undefined {
  const names = [...operations.set, ...operations.add].map(([name]) => name);
  return names.find((name) => !TOKEN.test(name));
}

function translateLevel(written: WrittenOperations | undefined): HeaderOperations {
  if (written === undefined) return NO_OPERATIONS;
  const remove = (written.remove ?? []).filter((name) => !isInternal(name)).map((name) => name.toLowerCase());
  const set = translateValues(written.set);
  const add = translateValues(written.add);
  return remove.length + set.length + add.length === 0 ? NO_OPERATIONS : { remove, set, add };
}

/** What an answer loses on its way out again, whoever wrote it (istio-semantics §7.2, hop-by-hop). */
const ONE_HOP: ReadonlySet<string> = new Set(['keep-alive', 'proxy-connection', 'upgrade']);

function withoutOneHop(operations: HeaderOperations): HeaderOperations {
  const { remove, set, add } = operations;
  if (![...set, ...add].some(([name]) => ONE_HOP.has(name))) return operations;
  const stays = ([name]: readonly [string, string]): boolean => !ONE_HOP.has(name);
  return { remove, set: set.filter(stays), add: add.filter(stays) };
}

/** Sorted as written, and only then made lower case: of names that differ in case alone, the last one wins as in Istio. */
const translateValues = (values: WrittenOperations['set']): readonly (readonly [string, string])[] =>
  Object.entries(values ?? {})
    .filter(([name]) => !isInternal(name))
    .sort(by(([name]) => name, compareStrings))
    .map(([name, format]) => [name.toLowerCase(), format] as const);

const isInternal = (name: string): boolean => name.startsWith(':') || name.toLowerCase() === 'host';

function hostOf(values: WrittenOperations['set']): string | undefined {
  const host = Object.entries(values ?? {}).find(([name]) => /^(?:host|:authority)$/i.test(name))?.[1];
  return host === '' ? undefined : host;
}
