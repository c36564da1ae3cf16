import { STATUS_CODES } from 'node:http';
import { problemDocument } from '../local-reply.ts';
import type { RejectedRequest } from './port.ts';

/** Why a lane refuses what it read, before anything behind it hears of a request (istio-semantics §7.4). */
export interface Rejection {
  readonly status: number;
  readonly cause: string;
  readonly details: string;
  readonly flag: string | undefined;
  readonly message: string;
}

const rejection = (
  status: number,
  cause: string,
  details: string,
  message: string,
  flag: 'DPE' | 'NR' | 'OM' | '' = 'DPE',
): Rejection => ({ status, cause, details, message, flag: flag === '' ? undefined : flag });

export const MALFORMED = rejection(400, 'malformed-request', 'http1.codec_error', 'This is not valid HTTP/1.1.');

export const BAD_FRAMING = rejection(
  400,
  'malformed-request',
  'http1.content_length_and_chunked_not_allowed',
  'Content-Length and Transfer-Encoding do not say where the body ends.',
);

export const UNKNOWN_CODING = rejection(
  501,
  'unsupported-transfer-encoding',
  'http1.invalid_transfer_encoding',
  'The only transfer coding understood here is chunked.',
);

export const UNSUPPORTED_VERSION = rejection(426, 'unsupported-version', 'low_version', 'Use HTTP/1.1 or HTTP/2.', '');

export const HEADERS_TOO_LARGE = rejection(
  431,
  'headers-too-large',
  'http1.headers_too_large',
  'Request line and headers are too large.',
);

export const TOO_MANY_HEADERS = rejection(
  431,
  'headers-too-large',
  'http1.too_many_headers',
  'The request has too many header lines.',
);

export const CHUNK_EXTENSION_TOO_LARGE = rejection(
  413,
  'chunk-extension-too-large',
  'http1.codec_error',
  'A chunk extension is too large.',
);

export const REQUEST_TIMEOUT = rejection(
  408,
  'request-timeout',
  'request_header_timeout',
  'The request did not arrive in time.',
  '',
);

export const UNKNOWN_EXPECTATION = rejection(
  417,
  'unsupported-expectation',
  'expectation_failed',
  'The only expectation understood here is 100-continue.',
  '',
);

export const UPGRADE_WITH_BODY = rejection(
  400,
  'malformed-request',
  'http1.upgrade_with_body',
  'A request to upgrade must not have a body.',
);

export const CONNECT_REFUSED = rejection(
  404,
  'no-route',
  'route_not_found',
  'No route fits this request: tunnels by CONNECT are not offered.',
  'NR',
);

/** There is no answer to this either: the client may send it again at once (RFC 9113 §8.7), as most do by themselves. */
export const REFUSED_STREAM = rejection(
  0,
  'gateway-overloaded',
  'overload',
  'There is no room for this request.',
  'OM',
);

/** There is no answer to this, the stream is reset. */
export const MALFORMED_STREAM = rejection(
  0,
  'malformed-request',
  'http2.violation.of.messaging.rule',
  'This is not valid HTTP/2.',
);

/** Whatever a lane refuses is the client's to mend. */
export const problemBody = (reason: Rejection, requestId: string): Buffer =>
  problemDocument({ ...reason, side: 'client' }, STATUS_CODES[reason.status] ?? 'Error', requestId);

/** The whole answer as HTTP/1.1 bytes, for where there is no response object to write it: the connection ends with it. */
export function problemAnswer(reason: Rejection, requestId: string, date: string): Buffer {
  const body = problemBody(reason, requestId);
  const head =
    `HTTP/1.1 ${reason.status} ${STATUS_CODES[reason.status] ?? ''}\r\n` +
    `content-type: application/problem+json\r\ncontent-length: ${body.length}\r\n` +
    `date: ${date}\r\nserver: banyan\r\nconnection: close\r\n\r\n`;
  return Buffer.concat([Buffer.from(head, 'latin1'), body]);
}

export type RejectedAt = Omit<RejectedRequest, 'status' | 'cause' | 'details' | 'flag'>;

export const rejectedRequest = (reason: Rejection, at: RejectedAt): RejectedRequest => ({
  ...at,
  status: reason.status,
  cause: reason.cause,
  details: reason.details,
  flag: reason.flag,
});
