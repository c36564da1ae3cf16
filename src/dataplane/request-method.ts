import type { GatewayFault } from './fault.ts';

/**
 * Methods that are refused whatever is routed: TRACE shows a service's view of the request to its sender (edge-security F-38),
 * and a QUERY is asked in the language that its type names, so it must name one (draft-ietf-httpbis-safe-method-w-body §2).
 */
export function refusalOfMethod(method: string, contentType: string | undefined): GatewayFault | undefined {
  if (method === 'TRACE') return { kind: 'method-not-allowed', method };
  if (method !== 'QUERY' || (contentType ?? '') !== '') return undefined;
  return { kind: 'bad-request', details: 'query_missing_content_type', message: 'A QUERY must have a Content-Type.' };
}
