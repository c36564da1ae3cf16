import type { LocalReply } from '../contract/fault.ts';
import { HeaderList } from '../contract/headers.ts';

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  413: 'Content Too Large',
  417: 'Expectation Failed',
  426: 'Upgrade Required',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
  505: 'HTTP Version Not Supported',
};

/** gRPC's own mapping of HTTP statuses, as Envoy has it (istio-semantics §7.4); anything else is 2, UNKNOWN. */
const GRPC_STATUS: Readonly<Record<number, number>> = {
  400: 13,
  401: 16,
  403: 7,
  404: 12,
  429: 14,
  502: 14,
  503: 14,
  504: 14,
};

export const grpcStatusOf = (status: number): number => GRPC_STATUS[status] ?? 2;

/** `%`, and what is outside printable ASCII, percent-encoded (gRPC over HTTP/2, "Status-Message"). */
export const grpcMessage = (text: string): string =>
  [...Buffer.from(text, 'utf8')]
    .map((byte) =>
      byte >= 0x20 && byte <= 0x7e && byte !== 0x25
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`,
    )
    .join('');

export interface WireReply {
  readonly status: number;
  readonly headers: HeaderList;
  readonly body: Uint8Array;
}

const NOTHING = new Uint8Array(0);

/**
 * The answer as it goes on the wire: RFC 9457 problem details, or for gRPC callers a trailers-only answer of status 200.
 * As in Envoy, the route's operations come before the type of the body, and before an answer is made gRPC's (§2.11).
 */
export function renderReply(
  reply: LocalReply,
  requestId: string,
  isGrpc: boolean,
  operate?: (headers: HeaderList) => void,
): WireReply {
  const headers = HeaderList.from(reply.headers ?? []);
  operate?.(headers);
  if (isGrpc && reply.verbatim !== true) {
    const message = reply.grpcMessage === false ? '' : (reply.grpcMessage ?? reply.message);
    return {
      status: 200,
      headers: makeGrpc(headers, reply.grpcStatus ?? grpcStatusOf(reply.status), message),
      body: NOTHING,
    };
  }
  const body = reply.body === undefined ? problem(reply, requestId) : reply.body.bytes;
  const contentType = reply.body === undefined ? 'application/problem+json' : reply.body.contentType;
  if (contentType !== undefined && body.length > 0 && !headers.has('content-type'))
    headers.append('content-type', contentType);
  return { status: reply.status, headers, body };
}

/** gRPC callers cannot read a page: they get a status, unless there is one already, and the body as message (§7.4). */
export function makeGrpc(headers: HeaderList, status: number, message: string): HeaderList {
  headers.set('content-type', 'application/grpc');
  if (!headers.has('grpc-status')) headers.append('grpc-status', String(status));
  if (message !== '') headers.set('grpc-message', grpcMessage(message));
  return headers;
}

const problem = (reply: LocalReply, requestId: string): Uint8Array =>
  problemDocument(reply, TITLES[reply.status] ?? 'Error', requestId);

type ProblemFields = Pick<LocalReply, 'status' | 'cause' | 'message' | 'side'>;

/** RFC 9457 problem details: the one form of every error answer of the gateway, whichever room makes it. */
export const problemDocument = (
  { status, cause, message, side }: ProblemFields,
  title: string,
  requestId: string,
): Buffer =>
  Buffer.from(
    `${JSON.stringify({ type: `urn:banyan:cause:${cause}`, title, status, detail: message, cause, side, requestId })}\n`,
  );
