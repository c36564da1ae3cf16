import type { FastifyPluginAsync } from 'fastify';
import type { FieldPath, ObjectRef } from '../diagnostics/diagnostic.ts';
import type { Clock } from '../kernel/clock.ts';
import type { RequestFacts } from '../table/facts.ts';
import type { RouteOwner } from '../table/model.ts';
import type { ConnectionRecord } from './connection-record.ts';
import type { ConnectionFacts, Exchange, ResponseHead } from './exchange.ts';
import type { LocalReply } from './fault.ts';
import type { RequestRecord } from './record.ts';

/* ------------------------------------------------ the pure half: settings, parsed and checked by the compiler */

/** A policy object as a filter's pure half sees it: decoded and validated already, with a voice to report findings. */
export interface PolicyObject {
  readonly kind: string;
  readonly ref: ObjectRef;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly creationTimestampMs: number;
  /** The decoded body (`spec` and all), typed by its schema. */
  readonly body: unknown;
}

/** What a pure half knows of the gateway. */
export interface FilterContext {
  readonly gatewayLabels: Readonly<Record<string, string>>;
  readonly gatewayNamespace: string;
  readonly rootNamespace: string;
  /** MeshConfig's extensionProviders and the like, decoded. */
  readonly mesh: Readonly<Record<string, unknown>>;
  /** Objects of the kinds that the spec asks for, in the total order of istio-semantics §1.3 (age, name, namespace). */
  readonly policies: readonly PolicyObject[];
  /** Cluster id for a host and port as a policy names it (ext_authz, rate-limit service); undefined: unknown. */
  resolveCluster(host: string, port: number, namespace: string): string | undefined;
  /** Of the services of that host those that the gateway does not see included; empty: there is none. */
  serviceNamespaces(host: string): readonly string[];
  /** Can that host and port be spoken to in HTTP/2, as gRPC needs it? Also true where there is no such cluster. */
  speaksHttp2(host: string, port: number, namespace: string): boolean;
  report(finding: FilterFinding): void;
}

export interface FilterFinding {
  readonly object: ObjectRef;
  readonly code: string;
  readonly field: FieldPath;
  readonly message: string;
  readonly related?: readonly { readonly message: string; readonly object?: ObjectRef }[];
}

/** One `http` rule, as much of it as filters are concerned with; delegates merged already. */
export interface RouteInput {
  readonly id: string;
  readonly owner: RouteOwner;
  readonly domain: string;
  /** The rule's own fields, typed by the VirtualService schema: `corsPolicy`, `fault`. */
  readonly rule: Readonly<Record<string, unknown>>;
  readonly kind: 'forward' | 'redirect' | 'direct-response' | 'failed';
}

/** A request as `banyan explain` is asked about it: by whomever, from wherever, with whatever token. */
export interface ImaginedRequest extends Omit<RequestFacts, 'identity'> {
  readonly listenerPort: number;
  readonly route: { readonly id: string; readonly owner: RouteOwner } | undefined;
}

/**
 * Settings are plain data: they travel in the route table. Both functions are pure and are called anew only when
 * what they were given changed.
 */
export interface FilterSpec<S = unknown> {
  readonly name: string;
  /** Kinds of policy objects it reads, such as `RequestAuthentication`. */
  readonly kinds: readonly string[];
  /** Settings for every request, whatever its route; undefined: none. */
  compileWorkload?(context: FilterContext): S | undefined;
  /** Settings for one route; undefined: the workload's apply. Called once per route and compilation. */
  compileRoute?(input: RouteInput, context: FilterContext): S | undefined;
  /** For `banyan explain`: what would become of such a request, a sentence each; empty: nothing worth a word. */
  foresee?(request: ImaginedRequest, settings: S): readonly string[];
  /**
   * For `banyan explain`, where filters share a kind or a policy is not for every route: does that policy act on such a
   * request here, and for every request or for its route alone? undefined: it does not. Absent: each acts on every request.
   */
  actsOn?(policy: Pick<PolicyObject, 'ref' | 'body'>, request: ImaginedRequest): 'gateway' | 'route' | undefined;
}

/* ------------------------------------------------ the request half */

/** undefined: go on. A reply ends the chain. A promise only where the filter must wait. */
export type FilterVerdict = LocalReply | undefined | Promise<LocalReply | undefined>;

export interface Filter<S = unknown> {
  readonly name: string;
  /** Before any route is chosen: may change headers and nothing else. With the workload's settings, the route being unknown yet. */
  prepare?(exchange: Exchange, settings: S): void;
  /**
   * For connections whose bytes are passed on as they are (`tcp` and `tls` routes), before anything is dialled: false
   * closes it, for the `cause` that it writes into the record. In the same order, with the workload's settings; not called when there are none.
   */
  connection?(connection: ConnectionFacts, settings: S): boolean | Promise<boolean>;
  /** Such a connection has reached its service, and bytes can pass. Must not throw and must not wait. */
  connectionOpened?(record: ConnectionRecord): void;
  /**
   * Once such a connection has ended, whichever way: refused, without a route, an endpoint or a connection to it, or after
   * it was open. Must not throw and must not wait.
   */
  logConnection?(record: ConnectionRecord): void;
  /** In the order of plugins/index.ts. `settings`: the route's, else the workload's; not called when there are none, unless `always`. */
  request?(exchange: Exchange, settings: S): FilterVerdict;
  /**
   * In the opposite order, for every answer, own ones included; after the route's own header operations. An answer made
   * by a filter is seen by that filter and those before it, as in Envoy: those behind it never saw the request (§0.1).
   */
  response?(exchange: Exchange, head: ResponseHead, settings: S): void;
  /**
   * For a service's answer that has a body, after `response`: what the body is to pass through; undefined: nothing. May
   * change the headers. Of several filters the last one's counts.
   */
  transformBody?(exchange: Exchange, head: ResponseHead, settings: S): BodyTransform | undefined;
  /** Once a request has ended, whichever way. Must not throw and must not wait. */
  log?(record: RequestRecord): void;
  /** Called also where no settings were compiled (with `undefined`): request ids, access log. */
  readonly always?: boolean;
  /** The settings of a newly published table, before the first request sees them: warm caches, drop stale ones. */
  published?(settings: readonly S[]): void;
}

/** Bytes in, other bytes out, with back-pressure at both ends; nothing is gathered beyond one block. */
export interface BodyTransform {
  /** False: enough for now; `onDrain` says when more is welcome. The bytes were taken all the same. */
  write(chunk: Uint8Array): boolean;
  /** All is written; `onEnd` follows when all has come out. */
  end(): void;
  /** The reader has enough for now, and then room again. */
  pause(): void;
  resume(): void;
  /** Nobody will read on; may be called more than once. */
  destroy(): void;
  onData: ((chunk: Uint8Array) => void) | undefined;
  onDrain: (() => void) | undefined;
  onEnd: (() => void) | undefined;
  onError: ((error: unknown) => void) | undefined;
}

/** What the gateway offers to a plugin, as the decorator `banyan` of its Fastify instance. */
export interface PluginHost {
  /** Exactly once per plugin. */
  contribute<S>(filter: Filter<S>): void;
  readonly clock: Clock;
  /** May an address that a policy names be dialled? Guards against the metadata service, the API server and the admin port (edge-security J-19, M-06). */
  readonly mayDial: (address: string, port: number) => boolean;
  /** Sends a request of the gateway's own to a cluster of the table (external authorization, a rate-limit service); bounded in time and size. */
  readonly callCluster: (cluster: string, request: OwnRequest) => Promise<OwnAnswer>;
}

export interface OwnRequest {
  readonly method: string;
  readonly path: string;
  readonly authority: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Uint8Array | undefined;
  readonly timeoutMs: number;
  readonly maxAnswerBytes: number;
  /** Over HTTP/2, as gRPC needs it: fails at a cluster that is spoken to in HTTP/1.1. Default: as the cluster is spoken to. */
  readonly http2?: boolean;
  /** Is given what ends the request early, such as `exchange.onClientGone`; its answer is `failed` then. */
  readonly onAbandon?: (abandon: () => void) => void;
}

/** `failed`: refused, no endpoint, timed out, malformed, too large, abandoned. */
export type OwnAnswer =
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers: readonly (readonly [string, string])[];
      readonly body: Uint8Array;
      readonly trailers?: readonly (readonly [string, string])[];
    }
  | {
      readonly kind: 'failed';
      readonly reason: string;
      /** Ended from here: its time was up, or nobody wants the answer any more. */
      readonly ended?: 'late' | 'abandoned';
    };

/** A shared concern: a pure half for the compiler, and a real Fastify plugin that contributes the request half. */
export interface GatewayPlugin<S = unknown> {
  readonly spec: FilterSpec<S>;
  /** Wrapped by `fastify-plugin`; uses `app.banyan` (PluginHost). */
  readonly plugin: FastifyPluginAsync;
}

declare module 'fastify' {
  interface FastifyInstance {
    banyan: PluginHost;
  }
}
