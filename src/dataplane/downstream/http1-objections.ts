import type { IncomingMessage } from 'node:http';
import { bodyLengthOf } from './http1-body.ts';
import { isWebSocketUpgrade } from './http1-upgrade.ts';
import {
  BAD_FRAMING,
  CHUNK_EXTENSION_TOO_LARGE,
  HEADERS_TOO_LARGE,
  MALFORMED,
  REQUEST_TIMEOUT,
  type Rejection,
  TOO_MANY_HEADERS,
  UNKNOWN_CODING,
  UNKNOWN_EXPECTATION,
  UNSUPPORTED_VERSION,
  UPGRADE_WITH_BODY,
} from './problem.ts';

/** What is wrong with a head that node's parser took; undefined: nothing. */
export function objectionTo(message: IncomingMessage, maxHeaders: number): Rejection | undefined {
  const coding = message.headers['transfer-encoding'];
  if (message.httpVersion !== '1.1') return coding === undefined ? UNSUPPORTED_VERSION : MALFORMED;
  if (message.rawHeaders.length / 2 > maxHeaders) return TOO_MANY_HEADERS;
  // The parser takes any list that ends in chunked, and takes off only that layer (edge-security F-08).
  if (coding !== undefined && coding.toLowerCase() !== 'chunked') return UNKNOWN_CODING;
  const expect = message.headers.expect;
  if (expect !== undefined && expect.toLowerCase() !== '100-continue') return UNKNOWN_EXPECTATION;
  const length = bodyLengthOf(message);
  // Passed on it would be another number (edge-security F-02).
  if (typeof length === 'number' && !Number.isSafeInteger(length)) return BAD_FRAMING;
  if (length !== undefined && length !== 0 && isWebSocketUpgrade(message)) return UPGRADE_WITH_BODY;
  return undefined;
}

/** What node's parser says, in the gateway's words; undefined: the connection broke, nobody listens. */
export function rejectionOf(error: NodeJS.ErrnoException & { readonly reason?: string }): Rejection | undefined {
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
      return HEADERS_TOO_LARGE;
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return CHUNK_EXTENSION_TOO_LARGE;
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return REQUEST_TIMEOUT;
    case 'HPE_INVALID_CONTENT_LENGTH':
    case 'HPE_UNEXPECTED_CONTENT_LENGTH':
      return BAD_FRAMING;
    case 'HPE_INVALID_TRANSFER_ENCODING':
      // One code for two mistakes: a coding we do not know, and a length besides (istio-semantics §7.4).
      return error.reason?.includes('Content-Length') === true ? BAD_FRAMING : UNKNOWN_CODING;
    case 'HPE_INVALID_EOF_STATE':
      return undefined;
    default:
      return error.code?.startsWith('HPE_') === true ? MALFORMED : undefined;
  }
}
