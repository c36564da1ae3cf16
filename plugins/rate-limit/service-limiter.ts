import {
  callGrpc,
  type Exchange,
  type LocalReply,
  mayBeSet,
  mayBeSetOnRequest,
  Note,
  Outage,
  type PluginHost,
  type ResponseHead,
  type Tell,
} from '../../src/contract/index.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import { limited, storeFailure } from './answers.ts';
import { appliesTo } from './keys.ts';
import type { Limiter } from './limiter.ts';
import { exceededOf, judgedOf } from './service-answers.ts';
import type { DescriptorRule, RateLimitServiceSettings } from './service-config.ts';
import { descriptorOf } from './service-descriptors.ts';
import { ServiceHealth } from './service-health.ts';
import { decodeResponse, encodeRequest, OK, OVER_LIMIT, type RateLimitResponse } from './service-messages.ts';

/** An answer tells each descriptor's limit, and some headers. */
const MAX_ANSWER_BYTES = 64 * 1024;

export interface ServiceLimiterOptions {
  readonly call: PluginHost['callCluster'];
  readonly clock: Clock;
  /** Keeps the tightest limit of a request, whoever keeps that limit. */
  readonly limiter: Pick<Limiter, 'note' | 'refuse'>;
  /** A service was asked, or could not be. */
  readonly onOutcome: (service: string, answered: boolean) => void;
  readonly tell: Tell;
}

/** Limits that a service of Envoy's rate-limit protocol keeps (istio-semantics §9). */
export class ServiceLimiter {
  readonly #options: ServiceLimiterOptions;
  readonly #health = new WeakMap<RateLimitServiceSettings, ServiceHealth>();
  /** By authority: an outage outlasts a change of the routes. */
  readonly #outages = new Map<string, Outage>();
  /** What the services would have the client told. */
  readonly #forClient = new Note<RateLimitResponse['responseHeaders']>();

  constructor(options: ServiceLimiterOptions) {
    this.#options = options;
  }

  /** All are asked at once; the first in their order that refuses answers. */
  async ask(exchange: Exchange, services: readonly RateLimitServiceSettings[]): Promise<LocalReply | undefined> {
    const replies = await Promise.all(services.map((service) => this.#askOne(exchange, service)));
    return replies.find((reply) => reply !== undefined);
  }

  /** Once, whichever of the filters comes first. */
  answered({ record }: Exchange, { headers, origin }: ResponseHead): void {
    for (const [name, value] of this.#forClient.get(record) ?? [])
      if (name !== 'content-type' || origin === 'upstream') headers.append(name, value);
    this.#forClient.set(record, []);
  }

  async #askOne(exchange: Exchange, service: RateLimitServiceSettings): Promise<LocalReply | undefined> {
    const rules = service.rules.filter((rule) => appliesTo(rule, exchange));
    const [first] = rules;
    if (first === undefined) return undefined;
    const answer = await this.#call(exchange, service, rules);
    if (answer === 'abandoned') return undefined;
    this.#options.onOutcome(service.authority, answer !== 'failed');
    if (answer === 'failed') return service.onFailure === 'deny' ? storeFailure(first) : undefined;
    return this.#judge(exchange, rules, answer);
  }

  async #call(
    exchange: Exchange,
    service: RateLimitServiceSettings,
    rules: readonly DescriptorRule[],
  ): Promise<RateLimitResponse | 'failed' | 'abandoned'> {
    const { cluster, authority, domain, timeoutMs } = service;
    const health = this.#healthOf(service);
    const outage = this.#outageOf(service);
    if (cluster === undefined) return failed(outage, 'no such service is known here');
    if (!health.begin()) return failed(outage, 'it answers too slowly, and is asked once a second');
    const answer = await callGrpc(this.#options.call, {
      cluster,
      method: '/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit',
      authority,
      message: encodeRequest(
        domain,
        rules.map((rule) => descriptorOf(rule, exchange)),
      ),
      timeoutMs,
      maxAnswerBytes: MAX_ANSWER_BYTES,
      onAbandon: (abandon) => exchange.onClientGone(abandon),
      decode: decodeResponse,
    });
    health.ended(answer.kind === 'answer' ? 'answered' : answer.ended);
    if (answer.kind === 'failed') return answer.ended === 'abandoned' ? 'abandoned' : failed(outage, answer.reason);
    const { code } = answer.message;
    // UNKNOWN is no word on the request.
    if (code !== OK && code !== OVER_LIMIT) return failed(outage, `it answers with the code ${code}`);
    outage.succeeded();
    return answer.message;
  }

  #judge(exchange: Exchange, rules: readonly DescriptorRule[], answer: RateLimitResponse): LocalReply | undefined {
    const { record } = exchange;
    const lines = answer.responseHeaders.filter(([name]) => mayBeSet(name));
    if (lines.length > 0) this.#forClient.set(record, [...(this.#forClient.get(record) ?? []), ...lines]);
    const { limiter } = this.#options;
    if (answer.code === OVER_LIMIT) {
      const { name, judged, retryAfterMs } = exceededOf(rules, answer.statuses);
      const reply = judged === undefined ? limited(name, retryAfterMs) : limiter.refuse(exchange, judged);
      return answer.body.length === 0 ? reply : { ...reply, body: bodyOf(answer) };
    }
    for (const judged of judgedOf(rules, answer.statuses)) limiter.note(exchange, judged);
    setRequestHeaders(exchange, answer);
    return undefined;
  }

  #healthOf(service: RateLimitServiceSettings): ServiceHealth {
    let health = this.#health.get(service);
    if (health === undefined) {
      health = new ServiceHealth(this.#options.clock);
      this.#health.set(service, health);
    }
    return health;
  }

  #outageOf({ authority }: RateLimitServiceSettings): Outage {
    let outage = this.#outages.get(authority);
    if (outage === undefined) {
      const trouble = `the rate-limit service ${authority} cannot be asked; onStoreFailure says what passes`;
      outage = new Outage({ trouble, over: `the rate-limit service ${authority} answers again` }, this.#options.tell);
      this.#outages.set(authority, outage);
    }
    return outage;
  }
}

function failed(outage: Outage, why: string): 'failed' {
  outage.heard(why);
  outage.failed();
  return 'failed';
}

/** What the service says of a name replaces what the client said: a caller must not speak in its place. */
function setRequestHeaders({ headers }: Exchange, answer: RateLimitResponse): void {
  const lines = answer.requestHeaders.filter(([name]) => mayBeSetOnRequest(name));
  for (const [name] of lines) headers.remove(name);
  for (const [name, value] of lines) headers.append(name, value);
}

function bodyOf({ responseHeaders, body: bytes }: RateLimitResponse): NonNullable<LocalReply['body']> {
  return { contentType: responseHeaders.find(([name]) => name === 'content-type')?.[1] ?? 'text/plain', bytes };
}
