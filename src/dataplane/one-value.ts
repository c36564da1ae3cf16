import type { HeaderList } from '../contract/headers.ts';

/** Headers of which Envoy keeps one value, so that further lines, and what operations add, are joined to the first. */
export type KeepsOneValue = (name: string) => boolean;

const OF_ANSWERS: ReadonlySet<string> = new Set(
  `access-control-allow-credentials access-control-allow-headers access-control-allow-methods
  access-control-allow-origin access-control-expose-headers access-control-max-age age cache-control content-encoding
  content-type etag expires grpc-message grpc-status last-modified location proxy-status vary via
  x-envoy-attempt-count x-envoy-degraded x-envoy-immediate-health-check-fail x-envoy-upstream-canary
  x-envoy-upstream-healthchecked-cluster`.split(/\s+/),
);

/** In answers, as Envoy 1.40 does where Istio 1.30 configures it; `keepsOneValue` of the table says it of requests. */
export const answersKeepOne: KeepsOneValue = (name) => OF_ANSWERS.has(name);

/** Makes one line of several, without empty ones. Only names that are known are looked for again: a hundred long ones of a client cost a third of a millisecond. */
export function joinRepeated(headers: HeaderList, keepsOne: KeepsOneValue): void {
  const flat = headers.raw();
  for (let i = 2; i < flat.length; i += 2) {
    const name = flat[i] as string;
    if (!keepsOne(name)) continue;
    let first = 0;
    while (flat[first] !== name) first += 2;
    if (first === i) continue;
    headers.set(name, joined(headers.getAll(name)));
    i -= 2;
  }
}

/** A value more. */
export function appendValue(headers: HeaderList, name: string, value: string, keepsOne: KeepsOneValue): void {
  const before = keepsOne(name) ? headers.getAll(name) : [];
  if (before.length === 0) headers.append(name, value);
  else headers.set(name, joined([...before, value]));
}

const joined = (values: readonly string[]): string => values.filter((value) => value !== '').join(',');
