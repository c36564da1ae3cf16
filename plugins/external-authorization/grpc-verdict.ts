import { headerLineOf, InvalidAnswer } from '../../src/contract/envoy-headers.ts';
import { type Answer, type CheckResponse, type Ok, type Option, readCheckResponse } from './check-response.ts';
import { isQueryName, isQueryValue, type QueryChange } from './query.ts';
import type { HeaderChange, Lines, Verdict } from './verdict.ts';

/** What a CheckResponse says, as far as it is acted upon. Throws where it is none. */
export function decodeVerdict(message: Uint8Array): Verdict {
  const response = readCheckResponse(message);
  try {
    return verdictOf(response);
  } catch (error) {
    if (error instanceof InvalidAnswer) return { kind: 'invalid', reason: error.message };
    throw error;
  }
}

function verdictOf({ code, ok, denied, failed }: CheckResponse): Verdict {
  if (code === 0) return ok === undefined ? ALLOWED : permissionOf(ok);
  if (failed !== undefined) {
    const answer = { status: statusOf(failed), headers: linesOf(failed.headers), body: Buffer.from(failed.body) };
    return { kind: 'failed', reason: `it says so itself, with status ${code}`, answer };
  }
  if (denied === undefined) return { kind: 'denied', status: 403, headers: [], body: Buffer.alloc(0) };
  const { headers, body } = denied;
  return { kind: 'denied', status: statusOf(denied) ?? 403, headers: linesOf(headers), body: Buffer.from(body) };
}

const ALLOWED: Verdict = { kind: 'allowed', request: [], remove: [], response: [], query: undefined };

/** undefined: none that could be answered. */
const statusOf = ({ status }: Answer): number | undefined => (status >= 200 && status <= 599 ? status : undefined);

function permissionOf(ok: Ok): Verdict {
  return {
    kind: 'allowed',
    // Left open, a header of the request is replaced: an identity that the client forged must not stand beside the
    // authorizer's. That is what the API documents, and what Envoy 1.37 did otherwise and took back.
    request: ok.headers.map((option) => changeOf(option, 'set')),
    remove: ok.remove.map((name) => name.toLowerCase()),
    response: ok.responseHeaders.map((option) => changeOf(option, 'append')),
    query: queryOf(ok),
  };
}

function queryOf({ setParameters, removeParameters }: Ok): QueryChange | undefined {
  if (setParameters.length === 0 && removeParameters.length === 0) return undefined;
  const set = setParameters.map(({ name, value }) => [name, value] as const);
  const odd =
    [...set.map(([name]) => name), ...removeParameters].find((name) => !isQueryName(name)) ??
    set.map(([, value]) => value).find((value) => !isQueryValue(value));
  if (odd !== undefined) throw new InvalidAnswer(`${JSON.stringify(odd)} cannot stand in a query`);
  return { set, remove: removeParameters };
}

const ACTIONS: Readonly<Record<number, HeaderChange['action']>> = {
  1: 'add-if-absent',
  2: 'set',
  3: 'set-if-present',
};

/** The older field counts before the newer one, as in Envoy. 0 cannot be told from nothing said. */
function changeOf({ header, append, action }: Option, otherwise: HeaderChange['action']): HeaderChange {
  const [name, value] = headerLineOf(header);
  if (append !== undefined) return { name, value, action: append ? 'append' : 'set' };
  return { name, value, action: ACTIONS[action] ?? otherwise };
}

/** Of an answer of the authorizer's own all lines count, so that there may be several cookies. */
const linesOf = (options: readonly Option[]): Lines => options.map(({ header }) => headerLineOf(header));
