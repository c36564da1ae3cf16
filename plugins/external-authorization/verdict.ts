import { type Exchange, mayBeSet, mayBeSetOnRequest } from '../../src/contract/index.ts';
import { changeQuery, type QueryChange } from './query.ts';

export type Lines = readonly (readonly [string, string])[];

/** What an authorizer of either protocol makes of one request. */
export type Verdict =
  | Permission
  | { readonly kind: 'denied'; readonly status: number; readonly headers: Lines; readonly body: Uint8Array }
  /** It could not be asked, or says so itself; `answer` is what it would have the caller told. */
  | { readonly kind: 'failed'; readonly reason: string; readonly answer?: FailureAnswer }
  /** It answered something that must not be acted upon: never let through, whatever `failOpen` says. */
  | { readonly kind: 'invalid'; readonly reason: string };

interface FailureAnswer {
  readonly status: number | undefined;
  readonly headers: Lines;
  readonly body: Uint8Array;
}

export interface Permission {
  readonly kind: 'allowed';
  /** To the request, in their order. */
  readonly request: readonly HeaderChange[];
  /** Names in lower case, taken off the request after that. */
  readonly remove: readonly string[];
  /** To the answer, whoever gives it. */
  readonly response: readonly HeaderChange[];
  readonly query: QueryChange | undefined;
}

export interface HeaderChange {
  /** In lower case. */
  readonly name: string;
  /** One character a byte. */
  readonly value: string;
  readonly action: 'append' | 'add-if-absent' | 'set' | 'set-if-present';
}

/** Whether anything that a route is chosen by may be another now. */
export function permit(exchange: Exchange, { request, remove, query }: Permission): boolean {
  const { headers } = exchange;
  const changes = request.filter(({ name }) => mayBeSetOnRequest(name));
  // Envoy joins on a request what it adds as a line of its own to an answer.
  for (const change of changes) changeHeader(headers, change, (before) => headers.set(change.name, before.join(',')));
  const removed = remove.filter(mayBeSetOnRequest);
  for (const name of removed) headers.remove(name);
  if (query !== undefined) exchange.query = changeQuery(exchange.query, query);
  return changes.length > 0 || removed.length > 0 || query !== undefined;
}

export function changeAnswer(headers: Exchange['headers'], changes: readonly HeaderChange[]): void {
  for (const change of changes)
    if (mayBeSet(change.name)) changeHeader(headers, change, () => headers.append(change.name, change.value));
}

/** `append`: how a value joins those that are there; it is given all of them. */
function changeHeader(
  headers: Exchange['headers'],
  { name, value, action }: HeaderChange,
  append: (values: readonly string[]) => void,
): void {
  if (action === 'set') headers.set(name, value);
  else if (action === 'append') append([...headers.getAll(name), value]);
  else if (headers.has(name) === (action === 'set-if-present')) headers.set(name, value);
}
