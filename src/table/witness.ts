import type { RequestFacts } from './facts.ts';
import { parseHost } from './host.ts';

/** A request that shows something: anybody can send it. Bytes are one character each. */
export interface Witness {
  readonly method: string;
  readonly scheme: string;
  /** With a port where a condition asks for one. */
  readonly authority: string;
  readonly path: string;
  /** '' or from the '?' on. */
  readonly query: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Of the token that must come along; undefined: none is needed. */
  readonly claims: Readonly<Record<string, unknown>> | undefined;
  /** It takes two lines of one header with different values. Nobody sends that by mistake. */
  readonly repeatsHeader: boolean;
}

/** `GET http://shop.example.com/v1/cart?v=2 with x-tier: gold`. */
export function formatWitness(witness: Witness): string {
  const { method, scheme, authority, path, query } = witness;
  const extras = witness.headers.map(([name, value]) => `${name}: ${value}`);
  if (witness.claims !== undefined) extras.push(`a token with ${JSON.stringify(witness.claims)}`);
  const request = `${method} ${scheme}://${authority}${path}${query}`;
  return extras.length === 0 ? request : `${request} with ${extras.join(', ')}`;
}

export function witnessFacts(witness: Witness): RequestFacts {
  const host = parseHost(witness.authority);
  return {
    host: host.ok ? host.host : '',
    path: witness.path,
    query: witness.query,
    method: witness.method,
    authority: witness.authority,
    scheme: witness.scheme,
    headers: linesOf(witness.headers),
    identity: witness.claims === undefined ? undefined : { claims: witness.claims, spaceDelimitedClaims: [] },
  };
}

function linesOf(pairs: Witness['headers']): RequestFacts['headers'] {
  const flat = pairs.flat();
  return {
    get: (wanted) => pairs.find(([name]) => name === wanted)?.[1],
    getAll: (wanted) => pairs.filter(([name]) => name === wanted).map(([, value]) => value),
    raw: () => flat,
  };
}
