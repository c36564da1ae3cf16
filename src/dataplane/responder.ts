import type { ResponseHead } from '../contract/exchange.ts';
import type { LocalReply } from '../contract/fault.ts';
import type { HeaderList } from '../contract/headers.ts';
import type { BodyTransform } from '../contract/plugin.ts';
import type { Route } from '../table/model.ts';
import type { GatewayExchange } from './exchange.ts';
import { bodyTransformOf, runResponseFilters } from './filter-chain.ts';
import { fleeting } from './fleeting.ts';
import { type AnswerFacts, formatFacts, type SentRequest } from './format-facts.ts';
import { type GrpcWeb, GrpcWebAnswer, setMessage } from './grpc-web.ts';
import { applyHeaderOperations, operates } from './header-operations.ts';
import { grpcStatusOf, makeGrpc, renderReply } from './local-reply.ts';
import { answersKeepOne, joinRepeated } from './one-value.ts';
import type { BodySink, Tunnel } from './stream.ts';

const SERVER = 'banyan';
const NOTHING = new Uint8Array(0);

/**
 * The way of every answer to the client: the route's header operations, then the filters that saw the request, then the
 * wire. Exactly one answer leaves, and exactly once the request is over.
 */
export class Responder implements BodySink {
  readonly #exchange: GatewayExchange;
  readonly #onOver: () => void;
  #reached = 0;
  #over = false;
  /** What went upstream, once something did and response operators may look at it. */
  sent: SentRequest | undefined;
  /** More of a service's answer is welcome; set before its head comes. */
  onDrain: (() => void) | undefined;
  /** What a service's answer passes through on its way. */
  #transform: BodyTransform | undefined;
  /** Makes gRPC-Web of the answer. */
  #grpcWeb: GrpcWebAnswer | undefined;
  /** A head that waits for its body, which will be its message. */
  #heldHead: ResponseHead | undefined;

  constructor(exchange: GatewayExchange, onOver: () => void) {
    this.#exchange = exchange;
    this.#onOver = onOver;
  }

  /** The filters before this place in their order have seen the request. */
  filtersSeen(reached: number): void {
    this.#reached = reached;
  }

  translateTo(grpcWeb: GrpcWeb | undefined): void {
    this.#grpcWeb = grpcWeb === undefined ? undefined : new GrpcWebAnswer(grpcWeb);
  }

  get over(): boolean {
    return this.#over;
  }

  get headSent(): boolean {
    return this.#exchange.raw.writer.headSent;
  }

  /** Our own answer: a fault's, or a filter's. */
  reply(reply: LocalReply): void {
    if (this.#over) return;
    const exchange = this.#exchange;
    const { record } = exchange;
    record.cause = reply.cause;
    record.details = reply.details;
    if (reply.flag !== undefined) record.flags.push(reply.flag);
    const { route } = exchange;
    const operate =
      reply.applyRouteHeaders !== false && route?.action.kind === 'forward'
        ? (headers: HeaderList) =>
            this.#applyForwardOperations(route, { headers, status: reply.status, responseCode: 0 })
        : undefined;
    const said = exchange.method === 'HEAD' ? { ...reply, grpcMessage: false as const } : reply;
    const { status, headers, body } = renderReply(said, record.requestId, exchange.isGrpc, operate);
    const head: ResponseHead = { status, headers, origin: 'gateway' };
    this.#send(head, body, reply.grpcMessage === false ? '' : (reply.grpcMessage ?? reply.message));
  }

  /** A redirect or a direct response: the route's own answer, its operations included. */
  routeAnswer(status: number, headers: HeaderList, body: Uint8Array): void {
    if (this.#over) return;
    const { route, record } = this.#exchange;
    record.details = 'direct_response';
    if (route !== undefined && operates(route.responseHeaders)) {
      const facts = formatFacts(this.#exchange, this.sent, { headers, status, responseCode: 0 });
      applyHeaderOperations(headers, route.responseHeaders, facts, answersKeepOne);
    }
    // After the operations: they neither see the type of a text nor have theirs replaced (§2.7).
    if (this.#exchange.isGrpc) {
      makeGrpc(
        headers,
        grpcStatusOf(status),
        this.#exchange.method === 'HEAD' ? '' : Buffer.from(body).toString('utf8'),
      );
      this.#send({ status: 200, headers, origin: 'route' }, NOTHING, '');
      return;
    }
    if (body.length > 0 && !headers.has('content-type')) headers.append('content-type', 'text/plain');
    this.#send(
      { status, headers, origin: 'route' },
      body,
      this.#grpcWeb === undefined ? '' : Buffer.from(body).toString('utf8'),
    );
  }

  /** An upstream's head; its body follows by `write` and `end`. */
  upstreamHead(status: number, headers: HeaderList, bodyLength: number | undefined): void {
    const { route, record } = this.#exchange;
    record.details = 'via_upstream';
    joinRepeated(headers, answersKeepOne);
    if (route?.action.kind === 'forward')
      this.#applyForwardOperations(route, { headers, status, responseCode: status });
    const head: ResponseHead = { status, headers, origin: 'upstream', bodyLength };
    this.#finishHead(head);
    if (this.#grpcWeb?.head(head, bodyLength !== 0) === true) this.#heldHead = head;
    else this.#writeHead(head, this.#grpcWeb === undefined || bodyLength === 0 ? bodyLength : undefined);
  }

  #writeHead(head: ResponseHead, bodyLength: number | undefined): void {
    const { writer } = this.#exchange.raw;
    const transform = bodyLength === 0 || this.#exchange.method === 'HEAD' ? undefined : this.#transformOf(head);
    writer.onDrain = transform === undefined ? this.onDrain : () => transform.resume();
    writer.head(head.status, head.headers, transform === undefined ? bodyLength : undefined);
  }

  write(chunk: Uint8Array): boolean {
    const grpcWeb = this.#grpcWeb;
    if (grpcWeb === undefined) return this.#pass(chunk);
    if (this.#heldHead === undefined) return this.#pass(grpcWeb.data(chunk));
    grpcWeb.keep(chunk);
    return true;
  }

  #pass(chunk: Uint8Array): boolean {
    return this.#transform === undefined ? this.#writeOut(chunk) : this.#transform.write(chunk);
  }

  end(trailers?: HeaderList): void {
    if (this.#over) return;
    this.#finishBody(this.#grpcWeb === undefined ? trailers : this.#endGrpcWeb(this.#grpcWeb, trailers));
  }

  /** Trailers that are left for the end of the body: none. */
  #endGrpcWeb(grpcWeb: GrpcWebAnswer, trailers: HeaderList | undefined): undefined {
    const held = this.#heldHead;
    if (held !== undefined) {
      grpcWeb.closeHead(held);
      this.#noteStatus(held);
      this.#exchange.raw.writer.head(held.status, held.headers, 0);
    } else if (trailers !== undefined) this.#pass(grpcWeb.trailers(trailers));
  }

  #finishBody(trailers: HeaderList | undefined): void {
    const transform = this.#transform;
    if (transform === undefined) {
      this.#endOut(trailers);
      return;
    }
    transform.onEnd = fleeting(() => this.#endOut(trailers));
    transform.end();
  }

  #writeOut(chunk: Uint8Array): boolean {
    this.#exchange.record.bytesSent += chunk.length;
    return this.#exchange.raw.writer.write(chunk);
  }

  #endOut(trailers: HeaderList | undefined): void {
    if (this.#over) return;
    this.#exchange.raw.writer.end(trailers);
    this.finish();
  }

  /** A slow client holds up the transform, and that the service. */
  #transformOf(head: ResponseHead): BodyTransform | undefined {
    const { pinned, route, record } = this.#exchange;
    const transform = bodyTransformOf(pinned.chains.forRoute(route), this.#reached, this.#exchange, head);
    if (transform === undefined) return undefined;
    this.#transform = transform;
    transform.onData = fleeting((chunk: Uint8Array) => {
      if (!this.#over && !this.#writeOut(chunk)) transform.pause();
    });
    transform.onDrain = fleeting(() => this.onDrain?.());
    transform.onError = fleeting(() => {
      record.details = 'response_transform_failed';
      this.abort();
    });
    return transform;
  }

  /** 101: the client's raw side. */
  upgrade(headers: HeaderList): Tunnel | undefined {
    const { route, record, raw } = this.#exchange;
    if (raw.upgrade === undefined) return undefined;
    record.details = 'via_upstream';
    if (route?.action.kind === 'forward')
      this.#applyForwardOperations(route, { headers, status: 101, responseCode: 101 });
    const head: ResponseHead = { status: 101, headers, origin: 'upstream' };
    this.#finishHead(head);
    return raw.upgrade.accept(head.headers);
  }

  /** The answer breaks off. */
  abort(): void {
    if (this.#over) return;
    this.#exchange.raw.writer.abort();
    this.finish();
  }

  /** The request is over, whatever became of it. */
  finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.#transform?.destroy();
    this.#onOver();
  }

  /** `message`: what a gRPC-Web client is told instead of the body, which it could not read. */
  #send(head: ResponseHead, body: Uint8Array, message: string): void {
    this.#finishHead(head);
    const { writer } = this.#exchange.raw;
    if (this.#grpcWeb?.head(head, message !== '') === true) setMessage(head, message);
    const sent = this.#grpcWeb === undefined ? body : NOTHING;
    this.#noteStatus(head);
    writer.head(head.status, head.headers, sent.length);
    if (sent.length > 0 && this.#exchange.method !== 'HEAD') this.#pass(sent);
    this.#finishBody(undefined);
  }

  #finishHead(head: ResponseHead): void {
    const { pinned, route } = this.#exchange;
    runResponseFilters(pinned.chains.forRoute(route), this.#reached, this.#exchange, head);
    head.headers.set('server', SERVER);
    this.#noteStatus(head);
  }

  #noteStatus(head: ResponseHead): void {
    const { record } = this.#exchange;
    record.status = head.status;
    const grpc = head.headers.get('grpc-status');
    if (grpc !== undefined) record.grpcStatus = Number(grpc);
  }

  /** The destination that this request was given has a say in every answer of the route, our own included (§2.11). */
  #applyForwardOperations(route: Route, answer: AnswerFacts): void {
    const ofDestination = this.#exchange.destination()?.responseHeaders;
    const ofRoute = route.responseHeaders;
    if (!operates(ofRoute) && (ofDestination === undefined || !operates(ofDestination))) return;
    const facts = formatFacts(this.#exchange, this.sent, answer);
    if (ofDestination !== undefined) applyHeaderOperations(answer.headers, ofDestination, facts, answersKeepOne);
    applyHeaderOperations(answer.headers, ofRoute, facts, answersKeepOne);
  }
}
