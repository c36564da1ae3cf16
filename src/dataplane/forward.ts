import type { HeaderList } from '../contract/headers.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Destination, ForwardAction, RetryPolicy, Route } from '../table/model.ts';
import type { GatewayExchange } from './exchange.ts';
import { faultReply, type GatewayFault, resetDetails } from './fault.ts';
import { fleeting } from './fleeting.ts';
import { Attempt, type AttemptOwner } from './forward-attempt.ts';
import { announce, applyRequestOperations, forwardHead, mayWriteHeaders, perTryOf, timeoutOf } from './forward-head.ts';
import { hashOf, NO_HASH, requestOf } from './hash-policy.ts';
import type { MirrorSender } from './mirror.ts';
import type { UpgradeCopy } from './mirror-copy.ts';
import type { BodyAbort } from './request-body.ts';
import type { Responder } from './responder.ts';
import {
  backoffMs,
  isKeepAliveRace,
  retriesAnswer,
  retriesFailure,
  retriesPerTryTimeout,
  takeRetryHeaders,
} from './retry.ts';
import type { BodySink, Tunnel, UpstreamExchange, UpstreamFailure, UpstreamRequestHead } from './stream.ts';
import { splice } from './tunnel.ts';
import { VisitedPriorities } from './upstreams/index.ts';
import type { UpstreamCluster, UpstreamHost, Upstreams } from './upstreams/port.ts';
import { balancesByHash, speaksHttp2 } from './upstreams/traits.ts';
import { WebSocketSide } from './websocket.ts';

export interface ForwardingOptions {
  readonly upstreams: Upstreams;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly mirrors: MirrorSender;
  /** Do clients of HTTP/1.1 get the interim answers of services as well, beside the 100 that they ask for? */
  readonly interimOverHttp1: boolean;
  /** How much of a body is kept for another try; a larger one is not tried again (istio-semantics §2.10). */
  readonly retryBufferBytes: number;
  /** How long a request's body may take in all; calls of gRPC are exempt. */
  readonly bodyMs: number;
  /** How long a service that has not answered may leave a request's body untaken. */
  readonly stalledBodyMs: number;
  /** WebSockets that are open now: those to be told when the gateway goes away. */
  readonly webSockets: Set<WebSocketSide>;
}

/** Starts forwarding: one request, its tries one after the other, and the answer that comes of them. */
export function forward(
  exchange: GatewayExchange,
  route: Route,
  action: ForwardAction,
  responder: Responder,
  options: ForwardingOptions,
): void {
  new Forwarding(exchange, route, action, responder, options).start();
}

class Forwarding implements AttemptOwner {
  readonly #exchange: GatewayExchange;
  readonly #route: Route;
  readonly #action: ForwardAction;
  readonly #responder: Responder;
  readonly #options: ForwardingOptions;
  #cluster: UpstreamCluster | undefined;
  #head: UpstreamRequestHead | undefined;
  #retryPolicy: RetryPolicy | undefined;
  /** Of every choice of a host that was by hash (istio-semantics §3.3). */
  #setCookies: readonly string[] = NO_HASH.setCookies;
  #upgradeCopies: readonly UpgradeCopy[] = [];
  #attempt: Attempt | undefined;
  #retriesDone = 0;
  #races = 0;
  #committed = false;
  #holdsRetry = false;
  /** Hosts that had a try, where the policy wants to know. */
  #tried: ReadonlySet<string> = NO_HOSTS;
  #visited: VisitedPriorities | undefined;
  #deadline: NodeJS.Timeout | undefined;
  #backoff: NodeJS.Timeout | undefined;
  #timeoutMs: number | undefined;
  /** When the whole request was here; undefined: it is not yet, or never will be, as with a WebSocket. */
  #completeMs: number | undefined;
  /** The client has had an interim answer. */
  #interim = false;
  /** Holds for the last try as well, and for one that is followed by none. */
  perTryTimeoutMs: number | undefined;

  constructor(
    exchange: GatewayExchange,
    route: Route,
    action: ForwardAction,
    responder: Responder,
    options: ForwardingOptions,
  ) {
    this.#exchange = exchange;
    this.#route = route;
    this.#action = action;
    this.#responder = responder;
    this.#options = options;
  }

  start(): void {
    const exchange = this.#exchange;
    const destination = exchange.destination() as Destination;
    exchange.record.cluster = destination.cluster;
    const cluster = this.#options.upstreams.get(destination.cluster);
    if (cluster === undefined) {
      this.#fail({ kind: 'unknown-destination' });
      return;
    }
    this.#cluster = cluster;
    exchange.record.clusterNamespace = cluster.cluster.namespace;
    // As in Envoy before the request is changed: neither the choice of a host nor the time knows of operations and rewrites.
    const host = this.#choose();
    if (host === undefined) {
      this.#fail({ kind: 'no-healthy-upstream' });
      return;
    }
    this.#timeoutMs = timeoutOf(exchange, this.#action);
    this.perTryTimeoutMs = perTryOf(this.#action, this.#timeoutMs);
    announce(exchange.headers, exchange.forwardsGrpc, this.perTryTimeoutMs ?? this.#timeoutMs);
    applyRequestOperations(exchange, this.#route, destination);
    const forwarded = forwardHead(exchange, this.#route, this.#action, destination);
    if (forwarded === undefined) {
      this.#fail({ kind: 'rewritten-path-invalid' });
      return;
    }
    const { head } = forwarded;
    this.#head = head;
    this.#responder.sent = forwarded.sent;
    const { retry } = this.#action;
    this.#retryPolicy = mayWriteHeaders(this.#route, destination) ? takeRetryHeaders(head.headers, retry) : retry;
    if (this.#retryPolicy !== undefined) exchange.body.keep(this.#options.retryBufferBytes);
    exchange.onClientGone(() => this.#clientGone());
    exchange.body.limitStalls(this.#options.stalledBodyMs);
    if (!exchange.forwardsGrpc) exchange.body.limitDuration(this.#options.bodyMs);
    exchange.body.watch({
      onComplete: () => this.#requestComplete(),
      onAbort: (reason) => this.#bodyAborted(reason),
      onStalled: () => this.#bodyStalled(),
    });
    if (!this.#responder.over) this.#try(host);
  }

  /** The host for a try: by the request as it came, and later as it was sent. */
  #choose(isNewTry = true): UpstreamHost | undefined {
    const cluster = this.#cluster as UpstreamCluster;
    // Of several destinations some may balance otherwise, and then nobody asks for a hash, nor gives out a cookie.
    const { hash, setCookies } = balancesByHash(cluster.cluster)
      ? hashOf(this.#action.hashPolicies, this.#head ?? requestOf(this.#exchange), this.#exchange)
      : NO_HASH;
    if (isNewTry && setCookies.length > 0) this.#setCookies = [...this.#setCookies, ...setCookies];
    return cluster.pick({ hash, avoid: this.#tried, visited: this.#visited });
  }

  #tryAgain(isNewTry: boolean): void {
    const host = this.#choose(isNewTry);
    if (host === undefined) {
      this.#fail({ kind: 'no-healthy-upstream' });
      return;
    }
    if (isNewTry) this.#announceRest();
    this.#try(host);
  }

  /** What is left of the route's time is said with every try, whatever operations made of the first word (Envoy's `setTimeoutHeaders`). */
  #announceRest(): void {
    const limitMs = this.perTryTimeoutMs ?? this.#timeoutMs;
    if (limitMs === undefined) return;
    const { clock } = this.#options;
    const spentMs = this.#completeMs === undefined ? 0 : Math.trunc(clock.monotonicMs() - this.#completeMs);
    // 0 would be no limit at all.
    const restMs = Math.max(1, Math.min(limitMs, (this.#timeoutMs ?? Number.POSITIVE_INFINITY) - spentMs));
    const { forwardsGrpc } = this.#exchange;
    announce((this.#head as UpstreamRequestHead).headers, forwardsGrpc, restMs);
    if (this.#responder.sent !== undefined) announce(this.#responder.sent.headers, forwardsGrpc, restMs);
  }

  /** Clocks start when the whole request is here: the route's, where it has one, and that of the try under way. */
  #requestComplete(): void {
    if (this.#responder.over) return;
    if (this.#exchange.raw.upgrade === undefined) this.#completeMs ??= this.#options.clock.monotonicMs();
    const timeoutMs = this.#timeoutMs;
    if (timeoutMs !== undefined) this.#deadline ??= setTimeout(() => this.#deadlinePassed(), timeoutMs);
    this.#attempt?.requestComplete();
  }

  /** The service reads no more, and has not answered either: the route's own timeout begins only with the whole request. */
  #bodyStalled(): void {
    if (!this.#committed && !this.#responder.over) this.#deadlinePassed();
  }

  #deadlinePassed(): void {
    // A host that has begun to answer is not to blame for how long that takes.
    if (!this.#committed) this.#attempt?.hostTimedOut();
    this.#endAttempt();
    if (this.#committed) {
      const { record } = this.#exchange;
      record.flags.push('UT');
      record.details = 'response_timeout';
      this.#over();
      this.#responder.abort();
    } else this.#fail({ kind: 'upstream-timeout', perTry: false });
  }

  #try(host: UpstreamHost): void {
    const cluster = this.#cluster as UpstreamCluster;
    const { record } = this.#exchange;
    if (!cluster.acquire()) {
      this.#fail({ kind: 'overloaded' });
      return;
    }
    if (record.upstreamAttempts === 0) this.#mirror();
    record.upstreamAttempts += 1;
    record.upstreamAddress = host.key;
    if (this.#retryPolicy !== undefined) this.#noteTry(host, this.#retryPolicy);
    const head = this.#head as UpstreamRequestHead;
    head.headers.set('x-envoy-attempt-count', String(record.upstreamAttempts));
    this.#responder.sent?.headers.set('x-envoy-attempt-count', String(record.upstreamAttempts));
    const attempt = new Attempt(this, cluster, host);
    this.#attempt = attempt;
    attempt.begin(head, this.#exchange.protocol);
    if (this.#attempt !== attempt || attempt.ended) return;
    if (this.#exchange.body.complete) attempt.requestComplete();
    this.#exchange.body.attach(
      this.#carriesTrailers
        ? (attempt.exchange as UpstreamExchange)
        : withoutTrailers(attempt.exchange as UpstreamExchange),
    );
  }

  /** HTTP/1.1 services get and give no trailers, as with Istio (recorded: h2/trailers). */
  get #carriesTrailers(): boolean {
    return this.#cluster !== undefined && speaksHttp2(this.#cluster.cluster, this.#exchange.protocol);
  }

  #noteTry(host: UpstreamHost, { avoidPreviousHosts, avoidPreviousPriorities }: RetryPolicy): void {
    if (avoidPreviousHosts) this.#tried = new Set([...this.#tried, host.key]);
    if (!avoidPreviousPriorities) return;
    this.#visited ??= new VisitedPriorities();
    this.#visited.add(host.priority);
  }

  #mirror(): void {
    if (this.#action.mirrors.length > 0)
      this.#upgradeCopies = this.#options.mirrors.send(
        this.#exchange,
        this.#action.mirrors,
        this.#head as UpstreamRequestHead,
      );
  }

  perTryTimedOut(attempt: Attempt): void {
    // Who has told the client something has the whole of the route's time (Envoy's `downstreamResponseStarted`).
    if (attempt !== this.#attempt || this.#committed || this.#interim) return;
    attempt.hostTimedOut();
    const policy = this.#retryPolicy;
    if (policy !== undefined && retriesPerTryTimeout(policy) && this.#retry(policy)) return;
    this.#endAttempt();
    this.#fail({ kind: 'upstream-timeout', perTry: true });
  }

  bodyMayFlow(): void {
    this.#exchange.body.drained();
  }

  connected(localAddress: string): void {
    this.#exchange.record.upstreamLocalAddress = localAddress;
  }

  /** What a service said on the way has reached the client, who is not told it twice: it has had its last try (Envoy). */
  informational(status: number, headers: HeaderList): void {
    if (this.#committed || this.#responder.over || !this.#passesOn(status)) return;
    this.#interim = true;
    this.#retryPolicy = undefined;
    this.#exchange.raw.writer.informational(status, headers);
  }

  #passesOn(status: number): boolean {
    return status === 100 || this.#exchange.protocol === 'HTTP/2' || this.#options.interimOverHttp1;
  }

  answered(attempt: Attempt, status: number, headers: HeaderList, endStream: boolean): void {
    const policy = this.#retryPolicy;
    const asked = (this.#head as UpstreamRequestHead).headers;
    if (policy !== undefined && retriesAnswer(policy, status, headers, asked) && this.#retry(policy)) return;
    this.#committed = true;
    const { record, body } = this.#exchange;
    body.release();
    const length = bodyLengthOf(headers, endStream, this.#exchange.method);
    headers.remove('content-length');
    // From the request's end over all tries; who answers before it has no such time (Envoy's router).
    if (this.#completeMs !== undefined) {
      const upstreamMs = this.#options.clock.monotonicMs() - this.#completeMs;
      record.upstreamMs = upstreamMs;
      headers.set('x-envoy-upstream-service-time', String(Math.round(upstreamMs)));
    }
    this.#handOutCookies(headers);
    this.#responder.onDrain = fleeting(() => attempt.exchange?.resume());
    this.#responder.upstreamHead(status, headers, length);
  }

  data(attempt: Attempt, chunk: Uint8Array): void {
    if (!this.#responder.write(chunk)) attempt.exchange?.pause();
  }

  ended(trailers: HeaderList | undefined): void {
    const status = trailers?.get('grpc-status');
    if (status !== undefined) this.#exchange.record.grpcStatus = Number(status);
    this.#over();
    this.#responder.end(this.#carriesTrailers ? trailers : undefined);
  }

  #handOutCookies(headers: HeaderList): void {
    for (const line of this.#setCookies) headers.append('set-cookie', line);
  }

  upgraded(headers: HeaderList, upstream: Tunnel, first: Uint8Array): void {
    this.#committed = true;
    headers.remove('content-length');
    this.#handOutCookies(headers);
    const raw = this.#responder.upgrade(headers);
    if (raw === undefined) {
      upstream.destroy();
      this.#fail({ kind: 'upstream-reset', reason: 'protocol-error', retried: false });
      return;
    }
    clearTimeout(this.#deadline);
    const { record } = this.#exchange;
    const client = new WebSocketSide(raw);
    const { webSockets } = this.#options;
    webSockets.add(client);
    const done = (received: number, sent: number): void => {
      webSockets.delete(client);
      record.bytesReceived += received;
      record.bytesSent += sent;
      this.#over();
      this.#responder.finish();
    };
    const copies = this.#upgradeCopies;
    const heard = (chunk: Uint8Array): void => {
      for (const copy of copies) copy.said(chunk);
    };
    splice(client, upstream, first, done, copies.length === 0 ? undefined : heard);
  }

  failed(failure: UpstreamFailure): void {
    const { record, body } = this.#exchange;
    record.upstreamFailure = failure.detail;
    if (this.#committed) {
      record.flags.push(failure.reason === 'protocol-error' ? 'UPE' : 'UC');
      record.cause = `upstream-${failure.reason}`;
      record.details = resetDetails(failure.reason, true);
      this.#over();
      this.#responder.abort();
      return;
    }
    if (this.#races < MOST_RACES && body.replayable && isKeepAliveRace(this.#exchange.method, failure)) {
      this.#races += 1;
      this.#endAttempt();
      record.upstreamAttempts -= 1;
      this.#tryAgain(false);
      return;
    }
    const policy = this.#retryPolicy;
    if (policy !== undefined && retriesFailure(policy, failure) && this.#retry(policy)) return;
    this.#endAttempt();
    const retried = this.#retriesDone > 0;
    this.#fail({ kind: 'upstream-reset', reason: failure.reason, retried, answerBegun: this.#interim });
  }

  /** Another try, after the back-off, if the policy, the cluster's budget and the kept body allow one; the log is told which of the first two did not, as Envoy's is. */
  #retry(policy: RetryPolicy): boolean {
    const { record, body } = this.#exchange;
    if (!body.replayable) return false;
    if (this.#retriesDone >= policy.attempts) {
      record.flags.push('URX');
      return false;
    }
    const cluster = this.#cluster as UpstreamCluster;
    this.#releaseRetry();
    if (!cluster.acquireRetry()) {
      record.flags.push('UO');
      return false;
    }
    this.#holdsRetry = true;
    this.#retriesDone += 1;
    this.#endAttempt();
    this.#backoff = setTimeout(
      () => this.#tryAgain(true),
      backoffMs(policy, this.#retriesDone, this.#options.random()),
    );
    return true;
  }

  #releaseRetry(): void {
    if (!this.#holdsRetry) return;
    this.#holdsRetry = false;
    this.#cluster?.releaseRetry();
  }

  #endAttempt(): void {
    const attempt = this.#attempt;
    this.#attempt = undefined;
    attempt?.end();
    if (!this.#committed) this.#exchange.body.detach();
  }

  #clientGone(): void {
    const { record } = this.#exchange;
    if (this.#responder.over) return;
    record.flags.push('DC');
    record.details = 'downstream_remote_disconnect';
    if (!this.#committed) record.status = 0;
    this.#endAttempt();
    this.#over();
    this.#responder.finish();
  }

  #bodyAborted(reason: BodyAbort): void {
    if (reason === 'client-gone') {
      this.#clientGone();
      return;
    }
    this.#endAttempt();
    if (this.#committed) {
      this.#over();
      this.#responder.abort();
    } else this.#fail({ kind: ABORTED[reason] });
  }

  #fail(fault: GatewayFault): void {
    this.#over();
    this.#responder.reply(faultReply(fault));
  }

  #over(): void {
    clearTimeout(this.#deadline);
    clearTimeout(this.#backoff);
    this.#exchange.body.endLimits();
    this.#releaseRetry();
    this.#endAttempt();
    for (const copy of this.#upgradeCopies) copy.abort();
  }
}

const ABORTED = {
  'too-large': 'payload-too-large',
  'too-slow': 'request-timeout',
  malformed: 'request-malformed',
} as const;
/** A service that closes what is idle closes all of it at the same time: the next connection from the pool may be gone as well. */
const MOST_RACES = 10;
const NO_HOSTS: ReadonlySet<string> = new Set();

const withoutTrailers = (exchange: UpstreamExchange): BodySink => ({
  write: (chunk) => exchange.write(chunk),
  end: () => exchange.end(),
});

/** 0: nothing follows. Content-Length of an answer to HEAD says what a GET would bring, and is passed on as it is. */
function bodyLengthOf(headers: HeaderList, endStream: boolean, method: string): number | undefined {
  const length = headers.get('content-length');
  if (length !== undefined && (method === 'HEAD' || !endStream)) return Number(length);
  return endStream && method !== 'HEAD' ? 0 : undefined;
}
