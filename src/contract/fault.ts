/** Who has to act for the fault to go away. */
export type FaultSide = 'client' | 'gateway' | 'upstream' | 'route-owner' | 'policy';

/** An answer that the gateway makes instead of forwarding. */
export interface LocalReply {
  readonly status: number;
  /** Stable word for the cause, in kebab case; documented in docs/errors.md. */
  readonly cause: string;
  readonly side: FaultSide;
  /** One sentence for the person who reads the answer; never another tenant's data, never internals. */
  readonly message: string;
  /** Envoy's response code details. */
  readonly details: string;
  /** Envoy's response flag. */
  readonly flag?: string | undefined;
  /** Extra headers, such as retry-after or www-authenticate. */
  readonly headers?: readonly (readonly [string, string])[];
  /** Body instead of problem+json, sent as it is: an authorizer's answer, a preflight's nothing. */
  readonly body?: { readonly contentType: string | undefined; readonly bytes: Uint8Array };
  /** gRPC callers get this instead of the status' usual mapping. */
  readonly grpcStatus?: number;
  /** Text for gRPC callers in place of `message`; false: none, as where Envoy's answer has no body. */
  readonly grpcMessage?: string | false;
  /** false: the route's response header operations are not applied (a preflight's answer, §2.12). Default true. */
  readonly applyRouteHeaders?: boolean;
  /** true: sent as it is to gRPC callers too (a preflight, an authorizer's denial). Default false. */
  readonly verbatim?: boolean;
}
