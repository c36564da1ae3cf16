import type { Exchange, Filter, LocalReply } from '../../src/contract/index.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import { type OddPath, type RequestLimitSettings, requestLimitsSpec } from './config.ts';
import { type Choice, inForce } from './layers.ts';

/** Refuses requests that are larger than they may be: at once where they say so, else when the limit is passed. */
export function createRequestLimitFilter(clock: Clock): Filter<RequestLimitSettings> {
  return {
    name: requestLimitsSpec.name,
    request(exchange, { bodyBytes, headerBytes, unsafeEscapes, pathParameters }) {
      const nowMs = clock.nowMs();
      if (refuses(unsafeEscapes, nowMs) && UNSAFE_ESCAPE.test(exchange.path)) return UNSAFE_PATH;
      if (refuses(pathParameters, nowMs) && PATH_PARAMETER.test(exchange.path)) return PARAMETERS_IN_PATH;
      const headerLimit = smallest(headerBytes, nowMs);
      if (headerLimit !== undefined && sizeOfHeaders(exchange) > headerLimit) return tooManyHeaders(headerLimit);
      const bodyLimit = smallest(bodyBytes, nowMs);
      if (bodyLimit === undefined) return undefined;
      const announced = exchange.headers.get('content-length');
      if (announced !== undefined && Number(announced) > bodyLimit) return tooLargeBody(bodyLimit);
      exchange.limitBody(bodyLimit);
      return undefined;
    },
  };
}

/**
 * NUL, CR, LF, or a percent sign that begins no escape (edge-security P-09.17): no honest client sends them. Nor dots with
 * parameters, `..;`, which are left of `%2e%2e;` alone: who drops parameters, or normalises again, goes up by them (P-19).
 */
const UNSAFE_ESCAPE = /%(?:0[0AaDd]|(?![0-9A-Fa-f]{2}))|\/\.\.?(?:;|%3b)/i;

/** Servers of servlets take `/admin;x` and `/;x/admin` for `/admin` (edge-security P-12.13). */
const PATH_PARAMETER = /;|%3b/i;

const UNSAFE_PATH: LocalReply = {
  status: 400,
  cause: 'invalid-path',
  side: 'client',
  message:
    'The path has an escape that is malformed, or stands for a control character or for dots that lead elsewhere.',
  details: 'unsafe_escape_in_path',
};

const PARAMETERS_IN_PATH: LocalReply = {
  status: 400,
  cause: 'invalid-path',
  side: 'client',
  message: 'The path has parameters, which begin with a semicolon.',
  details: 'parameters_in_path',
};

function refuses(choice: Choice<OddPath> | undefined, nowMs: number): boolean {
  if (choice === undefined) return false;
  for (const { value } of inForce(choice.mandatory, nowMs)) if (value === 'REFUSE') return true;
  return choice.otherwise?.value === 'REFUSE';
}

function smallest(choice: Choice<number> | undefined, nowMs: number): number | undefined {
  if (choice === undefined) return undefined;
  let least = choice.otherwise?.value;
  for (const { value } of inForce(choice.mandatory, nowMs)) if (least === undefined || value < least) least = value;
  return least;
}

function sizeOfHeaders({ headers }: Exchange): number {
  let size = 0;
  for (const part of headers.raw()) size += part.length;
  return size;
}

const tooManyHeaders = (limit: number): LocalReply => ({
  status: 431,
  cause: 'headers-too-large',
  side: 'client',
  message: `The headers of the request are larger than ${limit} bytes.`,
  details: 'request_headers_too_large',
});

const tooLargeBody = (limit: number): LocalReply => ({
  status: 413,
  cause: 'payload-too-large',
  side: 'client',
  message: `The body of the request is larger than ${limit} bytes.`,
  details: 'request_payload_too_large',
});
