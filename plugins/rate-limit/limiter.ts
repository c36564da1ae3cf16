import { randomInt } from 'node:crypto';
import { type Exchange, type Filter, type LocalReply, Note } from '../../src/contract/index.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import { type Judged, refusal, setLimitHeaders, storeFailure } from './answers.ts';
import { BucketTable } from './bucket-table.ts';
import type { RateLimitRuleSettings, RateLimitSettings } from './config.ts';
import { intervalOf, judge, toleranceOf } from './gcra.ts';
import { appliesTo, callersOf } from './keys.ts';
import { ChargesToTell, type PeerCharge, type Peers } from './peers.ts';
import type { Charge, SharedStore } from './store.ts';

/** One million places of 16 bytes. */
const DEFAULT_PLACES = 2 ** 20;

interface RuleCharge extends Charge {
  readonly rule: RateLimitRuleSettings;
}

export interface LimiterOptions {
  readonly clock: Clock;
  /** Where rules of scope `shared` are counted; undefined: in memory like the others. */
  readonly store?: SharedStore | undefined;
  readonly places?: number;
  /** Other workers, with which limits in memory are shared; undefined: there are none. */
  readonly peers?: Peers | undefined;
}

/**
 * Limits the network team set for everybody, counted before anything is forwarded. A request that any rule refuses is
 * charged to none. The filters that ask before and after authentication share what they count in.
 */
export class Limiter {
  readonly #options: LimiterOptions;
  readonly #toTell: ChargesToTell | undefined;
  #table: BucketTable | undefined;
  readonly #tightest = new Note<Judged>();

  constructor(options: LimiterOptions) {
    this.#options = options;
    const { peers } = options;
    if (peers === undefined) return;
    this.#toTell = new ChargesToTell(peers);
    peers.listen((charges) => this.#heard(charges));
  }

  filter(name: string): Filter<RateLimitSettings> {
    return {
      name,
      request: (exchange, settings) => this.#request(exchange, settings),
      response: (exchange, head) => {
        const judged = this.#tightest.get(exchange.record);
        if (judged !== undefined) setLimitHeaders(head.headers, judged);
      },
    };
  }

  #request(exchange: Exchange, settings: RateLimitSettings): LocalReply | undefined | Promise<LocalReply | undefined> {
    const { store } = this.#options;
    const local: RuleCharge[] = [];
    const shared: RuleCharge[] = [];
    for (const rule of settings.rules) {
      if (!appliesTo(rule, exchange)) continue;
      const callers = callersOf(rule, exchange);
      for (const [i, window] of rule.windows.entries()) {
        // Nothing passes a window of no requests, and nobody need be asked about it.
        const charges = rule.shared && store !== undefined && window.requests > 0 ? shared : local;
        for (const caller of callers) charges.push({ rule, window, key: `${rule.id}\n${i}\n${caller}` });
      }
    }
    if (shared.length === 0 || store === undefined) return this.#chargeLocal(exchange, local, true);
    // Whom memory refuses need not trouble the store; the charge itself waits for the store's word.
    return this.#chargeLocal(exchange, local, false) ?? this.#chargeShared(exchange, shared, local, store);
  }

  async #chargeShared(
    exchange: Exchange,
    charges: readonly RuleCharge[],
    local: readonly RuleCharge[],
    store: SharedStore,
  ): Promise<LocalReply | undefined> {
    const verdicts = await store.charge(charges);
    if (verdicts === 'failed') {
      const strict = charges.find(({ rule }) => rule.onStoreFailure === 'deny');
      return strict === undefined ? this.#chargeLocal(exchange, local, true) : storeFailure(strict.rule);
    }
    for (const [i, { rule, window }] of charges.entries()) {
      const verdict = verdicts[i];
      if (verdict === undefined) continue;
      const judged = { rule, window, verdict };
      if (!verdict.allowed) return this.refuse(exchange, judged);
      this.note(exchange, judged);
    }
    return this.#chargeLocal(exchange, local, true);
  }

  #chargeLocal(exchange: Exchange, charges: readonly RuleCharge[], commit: boolean): LocalReply | undefined {
    if (charges.length === 0) return undefined;
    const { clock, peers } = this.#options;
    const table = this.#buckets();
    const nowMs = clock.monotonicMs();
    const passed: Judged[] = [];
    for (const { key, rule, window } of charges) {
      const arrivalMs = table.get(key);
      const judged = { rule, window, verdict: judge(window, arrivalMs, nowMs, peers?.processes) };
      if (!judged.verdict.allowed) {
        const { nextArrivalMs } = judged.verdict;
        // A debt beyond what the window knows is written off for good, or it would refuse until it has run out.
        if (arrivalMs !== undefined && arrivalMs > nextArrivalMs)
          table.set(key, nextArrivalMs, toleranceOf(window), nowMs);
        return this.refuse(exchange, judged);
      }
      passed.push(judged);
    }
    if (!commit) return undefined;
    for (const [i, judged] of passed.entries()) {
      const { key, window } = charges[i] as RuleCharge;
      table.set(key, judged.verdict.nextArrivalMs, toleranceOf(window), nowMs);
      this.#toTell?.add(key, window);
      this.note(exchange, judged);
    }
    return undefined;
  }

  #buckets(): BucketTable {
    this.#table ??= new BucketTable(this.#options.places ?? DEFAULT_PLACES, randomInt(2 ** 32));
    return this.#table;
  }

  /** Others let so much through: it is gone from the same buckets here. */
  #heard(charges: readonly PeerCharge[]): void {
    const table = this.#buckets();
    const nowMs = this.#options.clock.monotonicMs();
    for (const { key, window, count } of charges) {
      const owedUntilMs = Math.max(table.get(key) ?? nowMs, nowMs) + count * intervalOf(window);
      table.set(key, owedUntilMs, toleranceOf(window), nowMs);
    }
  }

  refuse(exchange: Exchange, judged: Judged): LocalReply {
    this.#tightest.set(exchange.record, judged);
    return refusal(judged);
  }

  /** Of all limits that were asked the tightest is told, whoever keeps it. */
  note(exchange: Exchange, judged: Judged): void {
    const before = this.#tightest.get(exchange.record);
    if (before === undefined || judged.verdict.remaining < before.verdict.remaining)
      this.#tightest.set(exchange.record, judged);
  }
}
