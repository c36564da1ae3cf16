import { type LocalReply, mayBeSet } from '../../src/contract/index.ts';
import type { Provider } from './provider.ts';
import type { Lines, Verdict } from './verdict.ts';

export const denied = ({ status, headers, body }: Extract<Verdict, { kind: 'denied' }>): LocalReply => ({
  status,
  cause: 'authorizer-denied',
  side: 'policy',
  message: 'The external authorizer refused the request.',
  details: 'ext_authz_denied',
  flag: 'UAEX',
  ...answered(headers, body),
});

/** `answer`: what the authorizer itself would have the caller told of its failure. */
export const failed = (
  { statusOnError }: Provider,
  answer: Extract<Verdict, { kind: 'failed' }>['answer'],
): LocalReply => ({
  status: answer?.status ?? statusOnError,
  cause: 'authorizer-failed',
  side: 'policy',
  message: 'The external authorizer could not be asked.',
  details: 'ext_authz_error',
  flag: 'UAEX',
  ...(answer !== undefined && answered(answer.headers, answer.body)),
});

/** As Envoy has it with `validate_mutations`. */
export const invalid = (): LocalReply => ({
  status: 500,
  cause: 'authorizer-failed',
  side: 'policy',
  message: 'The external authorizer answered what cannot be acted upon.',
  details: 'ext_authz_invalid',
  flag: 'UAEX',
});

export const tooLarge = (): LocalReply => ({
  status: 413,
  cause: 'payload-too-large',
  side: 'client',
  message: 'The body of the request is too large to be checked.',
  details: 'request_payload_too_large',
});

/** The authorizer's own words instead of ours, for gRPC callers too (istio-semantics §7.4). */
function answered(lines: Lines, bytes: Uint8Array): Pick<LocalReply, 'headers' | 'body' | 'grpcMessage'> {
  const headers = lines.filter(([name]) => mayBeSet(name));
  const contentType = headers.findLast(([name]) => name === 'content-type')?.[1] ?? 'text/plain';
  return {
    headers: headers.filter(([name]) => name !== 'content-type'),
    body: { contentType, bytes },
    grpcMessage: bytes.length === 0 ? false : Buffer.from(bytes).toString('utf8'),
  };
}
