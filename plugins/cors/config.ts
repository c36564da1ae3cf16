import type { FilterSpec } from '../../src/contract/index.ts';
import { parseDurationMs } from '../../src/kernel/duration.ts';
import type { StringMatch } from '../../src/kernel/string-match.ts';
import type { CorsPolicy, StringMatch as WrittenMatch } from '../../src/resources/kinds.ts';

/** `corsPolicy` of one http rule, ready to be looked at (istio-semantics §2.12). */
export interface CorsSettings {
  readonly origins: readonly StringMatch[];
  /** undefined: no such header. `echo`: what the preflight asked for. */
  readonly allowMethods: string | 'echo' | undefined;
  readonly allowHeaders: string | 'echo' | undefined;
  readonly exposeHeaders: string | undefined;
  readonly maxAgeSeconds: number | undefined;
  readonly allowCredentials: boolean;
  /** A preflight from another origin is answered here, without allow-origin, instead of going upstream. */
  readonly answerUnmatchedPreflights: boolean;
}

export const corsSpec: FilterSpec<CorsSettings> = {
  name: 'cors',
  kinds: [],
  compileRoute({ rule, kind }) {
    const policy = rule['corsPolicy'] as CorsPolicy | undefined;
    return policy === undefined || kind !== 'forward' ? undefined : compileCors(policy);
  },
};

export function compileCors(policy: CorsPolicy): CorsSettings {
  const written =
    policy.allowOrigins !== undefined && policy.allowOrigins.length > 0
      ? policy.allowOrigins.flatMap(originMatch)
      : (policy.allowOrigin ?? []).map(exactly);
  const maxAge = policy.maxAge === undefined ? undefined : parseDurationMs(policy.maxAge);
  return {
    origins: written,
    allowMethods: listOrEcho(policy.allowMethods),
    allowHeaders: listOrEcho(policy.allowHeaders),
    exposeHeaders:
      policy.exposeHeaders === undefined || policy.exposeHeaders.length === 0
        ? undefined
        : policy.exposeHeaders.join(','),
    maxAgeSeconds: maxAge?.ok === true ? Math.floor(maxAge.value / 1000) : undefined,
    allowCredentials: policy.allowCredentials === true,
    answerUnmatchedPreflights: policy.unmatchedPreflights === 'IGNORE',
  };
}

const exactly = (value: string): StringMatch => ({ kind: 'exact', value });

function originMatch(match: WrittenMatch): StringMatch[] {
  if (match.exact !== undefined) return [exactly(match.exact)];
  if (match.prefix !== undefined) return [{ kind: 'prefix', value: match.prefix }];
  return match.regex === undefined ? [] : [{ kind: 'regex', value: match.regex }];
}

function listOrEcho(values: readonly string[] | undefined): string | 'echo' | undefined {
  if (values === undefined || values.length === 0) return undefined;
  return values.length === 1 && values[0] === '*' ? 'echo' : values.join(',');
}
