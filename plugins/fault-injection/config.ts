import type { FilterSpec } from '../../src/contract/index.ts';
import { parseDurationMs } from '../../src/kernel/duration.ts';
import type { HTTPFaultInjection, Percent } from '../../src/resources/kinds.ts';

/** `fault` of one http rule (istio-semantics §2.10). Shares in parts of a million. */
export interface FaultSettings {
  readonly delay: { readonly perMillion: number; readonly delayMs: number } | undefined;
  readonly abort: { readonly perMillion: number; readonly answer: FaultAnswer } | undefined;
}

export type FaultAnswer =
  | { readonly kind: 'http'; readonly status: number }
  | { readonly kind: 'grpc'; readonly status: number };

export const faultInjectionSpec: FilterSpec<FaultSettings> = {
  name: 'fault-injection',
  kinds: [],
  /** Of one document alone a redirect or direct response has no fault; one that a delegate's rule inherits from its root acts. */
  compileRoute({ rule, kind }) {
    const fault = rule['fault'] as HTTPFaultInjection | undefined;
    return fault === undefined || kind === 'failed' ? undefined : compileFault(fault);
  },
};

const GRPC_STATUSES = [
  'OK CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED FAILED_PRECONDITION ABORTED OUT_OF_RANGE UNIMPLEMENTED INTERNAL UNAVAILABLE DATA_LOSS UNAUTHENTICATED',
].flatMap((line) => line.split(' '));

export function compileFault({ delay, abort }: HTTPFaultInjection): FaultSettings | undefined {
  const duration = delay?.fixedDelay === undefined ? undefined : parseDurationMs(delay.fixedDelay);
  const answer = abortAnswer(abort);
  const settings: FaultSettings = {
    delay:
      duration?.ok === true
        ? { perMillion: perMillion(delay?.percentage, delay?.percent), delayMs: duration.value }
        : undefined,
    abort: answer === undefined ? undefined : { perMillion: perMillion(abort?.percentage, undefined), answer },
  };
  return settings.delay === undefined && settings.abort === undefined ? undefined : settings;
}

function abortAnswer(abort: HTTPFaultInjection['abort']): FaultAnswer | undefined {
  if (abort?.httpStatus !== undefined) return { kind: 'http', status: abort.httpStatus };
  if (abort?.grpcStatus === undefined) return undefined;
  const named = GRPC_STATUSES.indexOf(abort.grpcStatus);
  return { kind: 'grpc', status: named < 0 ? Number(abort.grpcStatus) : named };
}

/** Without a share nothing happens: 0 %, unlike a mirror's 100 % (§12.20). */
const perMillion = (percentage: Percent | undefined, percent: number | undefined): number =>
  Math.round((percentage === undefined ? (percent ?? 0) : (percentage.value ?? 0)) * 10_000);
