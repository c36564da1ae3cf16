import { HeaderList } from '../contract/headers.ts';
import type { Filter } from '../contract/plugin.ts';
import type { RequestRecord } from '../contract/record.ts';
import type { Clock } from '../kernel/clock.ts';
import { normalizePath, parseHost } from '../table/index.ts';
import type { DirectResponseAction, RouteAction, TableSettings } from '../table/model.ts';
import { trustedClientAddress } from './client-address.ts';
import type { RawRequest, RequestHandling } from './downstream/port.ts';
import { GatewayExchange, type PinnedTable } from './exchange.ts';
import { faultReply, type GatewayFault } from './fault.ts';
import { type FilterOutcome, logRecord, runRequestFilters } from './filter-chain.ts';
import { type ForwardingOptions, forward } from './forward.ts';
import { type KeptBytes, NoRoomForBody } from './kept-bytes.ts';
import { renderReply } from './local-reply.ts';
import type { Overload } from './overload.ts';
import { newRecord, rejectedRecord } from './record.ts';
import { redirectLocation, tlsRedirectLocation } from './redirect.ts';
import { applyHeaderPolicy } from './request-headers.ts';
import { refusalOfMethod } from './request-method.ts';
import { readTarget } from './request-target.ts';
import { Responder } from './responder.ts';

export interface HandlingOptions {
  /** What a request that comes now is pinned to; undefined before the first table. */
  readonly pinned: () => PinnedTable | undefined;
  readonly filters: () => readonly Filter[];
  readonly forwarding: ForwardingOptions;
  readonly overload: Overload;
  readonly keptBytes: KeptBytes;
  readonly clock: Clock;
  readonly random: () => number;
  /** An error of ours, with the request it happened to; the request was answered 500. */
  readonly onError: (error: unknown, record: RequestRecord) => void;
  /** +1 when a request begins, -1 when it is over. */
  readonly onActive: (change: 1 | -1) => void;
}

/** The life of a request behind the lanes (architecture.md §3): read once, routed, filtered, answered, recorded. */
export function createRequestHandling(options: HandlingOptions): RequestHandling {
  return {
    handle(raw) {
      options.onActive(1);
      const handling = new Handling(options, raw);
      try {
        handling.run();
      } catch (error) {
        handling.crashed(error);
      }
    },
    rejected(request) {
      logRecord(options.filters(), rejectedRecord(request, options.clock));
    },
  };
}

class Handling {
  readonly #options: HandlingOptions;
  readonly #raw: RawRequest;
  readonly #record: RequestRecord;

  #over = false;
  #exchange: GatewayExchange | undefined;
  /** Whose share of this process the request takes. */
  #admittedFor: string | undefined;
  #promisedBytes = 0;
  /** The part of it that stays when the body is here. */
  #withoutBody = 0;

  constructor(options: HandlingOptions, raw: RawRequest) {
    this.#options = options;
    this.#raw = raw;
    this.#record = newRecord(raw);
  }

  run(): void {
    const pinned = this.#options.pinned();
    if (pinned === undefined) {
      this.#refuse({ kind: 'not-ready' });
      return;
    }
    this.#record.tableRevision = pinned.revision;
    const exchange = this.#read(pinned);
    if (!(exchange instanceof GatewayExchange)) {
      this.#refuse(exchange);
      return;
    }
    this.#exchange = exchange;
    pinned.chains.prepare(exchange);
    exchange.reselectRoute();
    const responder = new Responder(exchange, () => {
      this.#record.bytesReceived += exchange.body.bytesReceived;
      this.#close();
    });
    this.#raw.onGone(() => {
      exchange.clientLeft();
      if (responder.over) return;
      this.#record.flags.push('DC');
      this.#record.details = 'downstream_remote_disconnect';
      responder.finish();
    });
    if (this.#admit(exchange, responder)) this.#filter(exchange, responder);
  }

  /** Who is too many is told at once, before any filter or upstream has work with it. */
  #admit(exchange: GatewayExchange, responder: Responder): boolean {
    const namespace = exchange.route?.owner.namespace ?? '';
    this.#withoutBody = HELD_BYTES + bytesOfLongHead(exchange.path.length + exchange.headers.textLength);
    this.#promisedBytes = this.#withoutBody + bytesHeldOf(exchange.body);
    const admission = this.#options.overload.admit(namespace, this.#promisedBytes);
    if (admission === 'admitted') {
      this.#admittedFor = namespace;
      if (!exchange.body.empty) exchange.body.watch({ onComplete: () => this.#bodyArrived(namespace) });
    } else {
      this.#raw.turnAway();
      responder.reply(faultReply({ kind: admission }));
    }
    return admission === 'admitted';
  }

  /** What is kept of the body has a budget of its own; the rest is on its way. */
  #bodyArrived(namespace: string): void {
    if (this.#over) return;
    this.#options.overload.giveBack(namespace, this.#promisedBytes - this.#withoutBody);
    this.#promisedBytes = this.#withoutBody;
  }

  /** Everything that is settled before a route is looked for; a fault here is answered without filters, as no policy could be told what it judges. */
  #read(pinned: PinnedTable): GatewayExchange | GatewayFault {
    const raw = this.#raw;
    const { settings } = pinned;
    const { headers } = raw;
    const { remoteAddress } = raw;
    const target = readTarget(raw.target, raw.authority, headers.getAll('host'));
    if (!target.ok) return target.error;
    this.#record.authority = target.value.authority;
    const unwelcome = refusalOfMethod(raw.method, headers.get('content-type'));
    if (unwelcome !== undefined) return unwelcome;
    if (target.value.path === '*')
      return raw.method === 'OPTIONS'
        ? { kind: 'no-route' }
        : {
            kind: 'bad-request',
            details: 'absolute_path_rejected',
            message: 'The request target must begin with a slash.',
          };
    const host = parseHost(target.value.authority);
    if (!host.ok)
      return { kind: 'bad-request', details: 'http.invalid_authority', message: 'The Host header is not valid.' };
    const path = normalizePath(target.value.path, settings.pathNormalization);
    if (!path.ok) return { kind: 'invalid-path', details: 'path_normalization_failed' };
    this.#record.path = path.path;
    const secure = raw.tls !== undefined;
    const forwardedFor = headers.getAll('x-forwarded-for');
    const clientAddress = trustedClientAddress(remoteAddress, forwardedFor, settings.numTrustedProxies);
    this.#record.clientAddress = clientAddress;
    const upgrade =
      raw.upgrade !== undefined && raw.upgrade.value.toLowerCase() !== 'h2c' ? raw.upgrade.value : undefined;
    const policy = applyHeaderPolicy(headers, {
      settings,
      remoteAddress,
      secure,
      clientAddress,
      certificate: raw.tls?.client,
      upgrade,
    });
    if (!policy.ok) return policy.error;
    this.#record.forwardedFor = headers.get('x-forwarded-for');
    const scheme = schemeOf(raw, headers, settings, secure);
    this.#record.scheme = scheme;
    return new GatewayExchange({
      raw,
      pinned,
      record: this.#record,
      authority: target.value.authority,
      host: host.host,
      path: path.path,
      query: target.value.query,
      scheme,
      headers,
      clientAddress,
      keptBytes: this.#options.keptBytes,
      random: this.#options.random,
    });
  }

  #filter(exchange: GatewayExchange, responder: Responder): void {
    const { upgrade } = exchange.raw;
    // Its lines together, as the lane reads them: it can accept no other value, and one line alone may say another.
    if (upgrade !== undefined && upgrade.value.toLowerCase() !== 'websocket') {
      responder.reply(faultReply({ kind: exchange.route === undefined ? 'no-route' : 'upgrade-refused' }));
      return;
    }
    runRequestFilters(exchange, exchange.pinned.chains, (outcome) => {
      try {
        this.#filtered(exchange, responder, outcome);
      } catch (problem) {
        this.crashed(problem);
      }
    });
  }

  #filtered(exchange: GatewayExchange, responder: Responder, { reply, error, reached }: FilterOutcome): void {
    responder.filtersSeen(reached);
    if (responder.over) return;
    if (error instanceof NoRoomForBody) responder.reply(faultReply({ kind: 'gateway-overloaded' }));
    else if (error !== undefined) {
      this.#options.onError(error, this.#record);
      responder.reply(faultReply({ kind: 'internal-error' }));
    } else {
      // Policies judge what the client sent; injected faults and all behind them are past the translation (istio-semantics §0.1).
      if (reply === undefined || reply.flag === 'FI') responder.translateTo(exchange.translateGrpcWeb());
      if (reply === undefined) this.#act(exchange, responder);
      else {
        this.#noteCluster(exchange);
        responder.reply(reply);
      }
    }
  }

  /** Where it would have gone: a cluster is chosen with the route, so that Envoy's log and metrics name it of refused requests as well. */
  #noteCluster(exchange: GatewayExchange): void {
    const destination = exchange.destination();
    if (destination === undefined) return;
    this.#record.cluster = destination.cluster;
    const known = this.#options.forwarding.upstreams.get(destination.cluster);
    this.#record.clusterNamespace = known?.cluster.namespace;
  }

  /** What the route, or its absence, says (istio-semantics §0.1 step 6). */
  #act(exchange: GatewayExchange, responder: Responder): void {
    if (exchange.match.redirectToTls && exchange.headers.get('x-forwarded-proto') !== 'https') {
      const location = tlsRedirectLocation(redirectFacts(exchange));
      responder.routeAnswer(301, HeaderList.from([['location', location]]), NOTHING);
      return;
    }
    const { route } = exchange;
    if (route === undefined) responder.reply(faultReply({ kind: 'no-route' }));
    else this.#perform(exchange, responder, route.action);
  }

  #perform(exchange: GatewayExchange, responder: Responder, action: RouteAction): void {
    switch (action.kind) {
      case 'forward':
        forward(
          exchange,
          exchange.route as NonNullable<typeof exchange.route>,
          action,
          responder,
          this.#options.forwarding,
        );
        return;
      case 'redirect':
        responder.routeAnswer(
          action.status,
          HeaderList.from([['location', redirectLocation(action, redirectFacts(exchange))]]),
          NOTHING,
        );
        return;
      case 'direct-response':
        directResponse(exchange, responder, action);
        return;
      case 'failed':
        responder.reply(faultReply({ kind: 'route-failed', cause: action.cause, message: action.message }));
    }
  }

  /** A mistake of ours costs this request alone: 500, or a cut answer. */
  crashed(error: unknown): void {
    this.#options.onError(error, this.#record);
    if (this.#raw.writer.headSent) this.#raw.writer.abort();
    else this.#answerEarly({ kind: 'internal-error' });
    this.#close();
  }

  /** Answers before there is an exchange: no filter has seen the request. */
  #refuse(fault: GatewayFault): void {
    this.#answerEarly(fault);
    this.#close();
  }

  #answerEarly(fault: GatewayFault): void {
    const record = this.#record;
    const { writer, method } = this.#raw;
    const reply = faultReply(fault);
    record.cause = reply.cause;
    record.details = reply.details;
    if (reply.flag !== undefined) record.flags.push(reply.flag);
    const { status, headers, body } = renderReply(reply, record.requestId, false);
    headers.set('server', 'banyan');
    record.status = status;
    record.bytesSent = body.length;
    writer.head(status, headers, body.length);
    if (method !== 'HEAD') writer.write(body);
    writer.end();
  }

  #close(): void {
    if (this.#over) return;
    this.#over = true;
    const { clock, onActive, filters, overload } = this.#options;
    onActive(-1);
    this.#exchange?.body.dispose();
    if (this.#admittedFor !== undefined) overload.release(this.#admittedFor, this.#promisedBytes);
    this.#record.durationMs = clock.monotonicMs() - this.#raw.startedMonotonicMs;
    logRecord(filters(), this.#record);
  }
}

const NOTHING = new Uint8Array(0);

/** One read of a socket: what is held of a body when whoever takes it takes no more. */
const MOST_HELD_BYTES = 64 * 1024;
/** For a small answer, and for all that is known of the request. */
const HELD_BYTES = 16 * 1024;

/** What of a head is among these. */
const SHORT_HEAD_BYTES = 4 * 1024;
/** As it came, and as it goes on. Heads of 60 KiB that wait for a slow service fill the heap long before anything else does (edge-security X-14). */
const bytesOfLongHead = (length: number): number => 2 * Math.max(0, length - SHORT_HEAD_BYTES);

/** What it may come to hold of its body; bodies that are kept have a budget of their own. */
const bytesHeldOf = ({ empty, length = MOST_HELD_BYTES }: GatewayExchange['body']): number =>
  empty ? 0 : Math.min(length, MOST_HELD_BYTES);

const redirectFacts = (exchange: GatewayExchange) => ({
  scheme: exchange.scheme,
  secure: exchange.tls !== undefined,
  forwardedProto: exchange.headers.get('x-forwarded-proto') ?? exchange.scheme,
  authority: exchange.authority,
  path: exchange.path,
  query: exchange.query,
});

/** istio-semantics §2.7: 201 and redirect statuses get the request's own address, 204 and 304 lose their body, but to gRPC callers. */
function directResponse(exchange: GatewayExchange, responder: Responder, action: DirectResponseAction): void {
  const headers = HeaderList.empty();
  const bodyless = !exchange.isGrpc && (action.status === 204 || action.status === 304);
  const body = action.bodyBase64 === undefined || bodyless ? NOTHING : Buffer.from(action.bodyBase64, 'base64');
  if (action.status === 201 || (action.status >= 300 && action.status < 400)) {
    headers.append('location', `${exchange.scheme}://${exchange.authority}${exchange.path}${exchange.query}`);
  }
  responder.routeAnswer(action.status, headers, body);
}

/** `:scheme` as the client said over HTTP/2; over HTTP/1.1 that of the connection, or of a trusted proxy's X-Forwarded-Proto (§7.2). */
function schemeOf(raw: RawRequest, headers: HeaderList, settings: TableSettings, secure: boolean): 'http' | 'https' {
  const forwarded =
    settings.numTrustedProxies > 0 ? headers.getAll('x-forwarded-proto').join(',').toLowerCase() : undefined;
  const said = raw.scheme?.toLowerCase() ?? forwarded;
  return said === 'http' || said === 'https' ? said : secure ? 'https' : 'http';
}
