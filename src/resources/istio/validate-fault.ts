import type { FieldPath } from '../../diagnostics/index.ts';
import { nearest } from '../../kernel/nearest.ts';
import { inQuotes } from '../describe.ts';
import type { Findings } from '../findings.ts';
import type { FaultAbort, FaultDelay, HTTPFaultInjection } from '../generated/virtual-service.ts';
import { checkDuration, checkPercent } from './validate-common.ts';

const GRPC_STATUSES: readonly string[] = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
];

/** istio-semantics §10.3, §2.10. */
export function validateFault(fault: HTTPFaultInjection | undefined, path: FieldPath, findings: Findings): void {
  if (fault === undefined) return;
  if (fault.abort === undefined && fault.delay === undefined)
    findings.missing(path, 'A fault must have abort, delay or both.');
  if (fault.abort !== undefined) validateAbort(fault.abort, [...path, 'abort'], findings);
  if (fault.delay !== undefined) validateDelay(fault.delay, [...path, 'delay'], findings);
}

/** Of the three kinds of abort the last in the proto's order counts. */
function validateAbort(abort: FaultAbort, path: FieldPath, findings: Findings): void {
  checkPercent(abort.percentage?.value, [...path, 'percentage', 'value'], findings);
  if (abort.percentage === undefined)
    findings.warning(path, 'An abort without percentage hits no request at all.', { code: 'ignored-field' });
  if (abort.http2Error !== undefined)
    findings.error([...path, 'http2Error'], 'Aborts by http2Error are not supported.', { of: 'key' });
  else if (abort.grpcStatus !== undefined) {
    if (GRPC_STATUSES.includes(abort.grpcStatus)) return;
    const meant = nearest(abort.grpcStatus, GRPC_STATUSES);
    findings.error(
      [...path, 'grpcStatus'],
      `${inQuotes(abort.grpcStatus)} is no gRPC status such as NOT_FOUND.`,
      meant === undefined ? {} : { remedy: `Did you mean ${meant}?` },
    );
  } else if (abort.httpStatus !== undefined) checkHttpStatus(abort.httpStatus, [...path, 'httpStatus'], findings);
  else findings.warning(path, 'An abort without httpStatus or grpcStatus does nothing.', { code: 'ignored-field' });
}

function validateDelay(delay: FaultDelay, path: FieldPath, findings: Findings): void {
  checkPercent(delay.percentage?.value, [...path, 'percentage', 'value'], findings);
  if (delay.percent !== undefined)
    findings.warning([...path, 'percent'], 'percent is given up.', {
      code: 'deprecated-field',
      remedy: 'Use percentage.',
      of: 'key',
    });
  if (delay.exponentialDelay !== undefined)
    findings.error([...path, 'exponentialDelay'], 'exponentialDelay is not supported.', { of: 'key' });
  else checkDuration(delay.fixedDelay, [...path, 'fixedDelay'], findings);
}

/** 600 passes, though Istio's own message speaks of 200 to 599. */
export function checkHttpStatus(status: number | undefined, path: FieldPath, findings: Findings): void {
  if (status === undefined || status < 200 || status > 600)
    findings.error(path, `An HTTP status must be between 200 and 599, not ${status ?? 0}.`);
}
