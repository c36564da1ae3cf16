import type { HeaderList } from '../contract/headers.ts';
import { type KeptBytes, NoRoomForBody } from './kept-bytes.ts';
import type { BodySink, BodySource } from './stream.ts';

/** Who is told about the request body besides the sink. */
export interface BodyWatcher {
  /** The whole request has arrived. */
  onComplete?(): void;
  onAbort?(reason: BodyAbort): void;
  /** Whoever takes it has taken nothing for as long as may be. */
  onStalled?(): void;
}

/** Sees all of a body as it comes, and cannot hold it up. */
export interface BodyTap {
  data(chunk: Uint8Array): void;
  end(trailers: HeaderList | undefined): void;
  /** No more of it will come. */
  abort(): void;
}

/** Makes other bytes of a body, piece by piece. */
export interface BodyDecoder {
  /** undefined: the body is malformed. */
  write(chunk: Uint8Array): Uint8Array | undefined;
  /** Nothing is missing if the body ends here. */
  readonly isWhole: boolean;
}

export type BodyAbort = 'client-gone' | 'malformed' | 'too-large' | 'too-slow';

/**
 * The request body between the lane and whoever takes it: the try under way, the tries after it, filters that must see
 * it first, mirrors. What may be needed again is kept up to a limit, and as long as the process has memory for it; beyond it
 * the body only streams, and whoever asked to keep it is told (istio-semantics §2.10: larger bodies are not retried).
 */
export class RequestBody {
  readonly #source: BodySource;
  readonly #budget: KeptBytes;
  readonly #watchers: BodyWatcher[] = [];
  #taps: readonly BodyTap[] = [];
  /** Chunks from the beginning on, as long as all of them are kept. */
  #kept: Uint8Array[] | undefined = [];
  #keptBytes = 0;
  /** Of those, what was taken from the budget. */
  #takenBytes = 0;
  #keepLimit = 0;
  /** The process keeps no more. */
  #noRoom = false;
  #started = false;
  #complete: boolean;
  #limit = Number.POSITIVE_INFINITY;
  #aborted: BodyAbort | undefined;
  #trailers: HeaderList | undefined;
  #sink: BodySink | undefined;
  #paused = false;
  #waiting: (() => void) | undefined;
  #decoder: BodyDecoder | undefined;
  #stallLimitMs: number | undefined;
  #stalled: NodeJS.Timeout | undefined;
  #duration: NodeJS.Timeout | undefined;
  bytesReceived = 0;

  constructor(source: BodySource, budget: KeptBytes) {
    this.#source = source;
    this.#budget = budget;
    this.#complete = source.empty;
  }

  get empty(): boolean {
    return this.#source.empty;
  }

  /** What whoever keeps some of it takes from. */
  get budget(): KeptBytes {
    return this.#budget;
  }

  /** Content-Length, where the client gave one. */
  get length(): number | undefined {
    return this.#decoder === undefined ? this.#source.length : undefined;
  }

  get complete(): boolean {
    return this.#complete;
  }

  /** true: everything that came so far is still here, so that a new try can begin at the beginning. */
  get replayable(): boolean {
    return this.#kept !== undefined;
  }

  watch(watcher: BodyWatcher): void {
    this.#watchers.push(watcher);
    if (this.#aborted !== undefined) watcher.onAbort?.(this.#aborted);
    else if (this.#complete) watcher.onComplete?.();
  }

  /** What is longer is not read on; whoever watches is told. */
  limit(limitBytes: number): void {
    this.#limit = Math.min(this.#limit, limitBytes);
  }

  /** What has not come whole by then is not read on; whoever watches is told (edge-security X-02). */
  limitDuration(limitMs: number): void {
    if (this.#complete || this.#duration !== undefined) return;
    this.#duration = setTimeout(() => {
      this.#pause();
      this.#onAbort('too-slow');
    }, limitMs);
  }

  /** The request is answered, whether or not all of its body has come. */
  endLimits(): void {
    clearTimeout(this.#stalled);
    clearTimeout(this.#duration);
  }

  /** Watchers are told when a sink has taken nothing for so long (edge-security X-07). */
  limitStalls(limitMs: number): void {
    this.#stallLimitMs = limitMs;
  }

  /** From now on keep up to `limitBytes` for another try; called before anything has streamed away. */
  keep(limitBytes: number): void {
    this.#keepLimit = Math.max(this.#keepLimit, limitBytes);
  }

  /** Nobody will ask for what is kept again: it streams away, and memory is free. */
  release(): void {
    this.#keepLimit = 0;
    if (this.#sink !== undefined || this.#complete) this.#forget();
  }

  /** The request is over: nothing of it is kept. */
  dispose(): void {
    this.#forget();
    for (const tap of this.#takeTaps()) tap.abort();
  }

  /** From here on the body is what the decoder makes of it, what is kept already included. */
  decode(decoder: BodyDecoder): void {
    this.#decoder = decoder;
    const kept = this.#kept ?? [];
    this.#kept = [];
    this.#keptBytes = 0;
    for (const chunk of kept) {
      const decoded = decoder.write(chunk);
      if (decoded === undefined) {
        this.#onAbort('malformed');
        return;
      }
      this.#kept.push(decoded);
      this.#keptBytes += decoded.length;
    }
    if (this.#complete && !decoder.isWhole) this.#onAbort('malformed');
  }

  /** Streams to the sink: first what is kept, then what comes. The sink before it gets nothing more. */
  attach(sink: BodySink): void {
    this.#sink = sink;
    let open = true;
    for (const chunk of this.#kept ?? []) open = sink.write(chunk);
    if (this.#keptBytes > this.#keepLimit) this.#forget();
    if (this.#complete) {
      this.#finish();
      return;
    }
    if (open) this.#resume();
    else this.#pause();
    this.#begin();
  }

  /** The try has ended; the body waits for the next one. */
  detach(): void {
    this.#sink = undefined;
    clearTimeout(this.#stalled);
    if (!this.#complete) this.#pause();
  }

  /** The sink takes more. */
  drained(): void {
    this.#resume();
  }

  /** For whoever sees the body besides its sink; called before anything has streamed away. */
  tap(tap: BodyTap): void {
    for (const chunk of this.#kept ?? []) tap.data(chunk);
    if (this.#aborted !== undefined) tap.abort();
    else if (this.#complete) tap.end(this.#trailers);
    else this.#taps = [...this.#taps, tap];
  }

  #takeTaps(): readonly BodyTap[] {
    const taps = this.#taps;
    this.#taps = [];
    return taps;
  }

  /** Reads on until the whole body is here, or one byte more than the limit. Rejects with NoRoomForBody. */
  async collect(limitBytes: number): Promise<{ readonly bytes: Uint8Array; readonly complete: boolean }> {
    this.keep(limitBytes + 1);
    this.#begin();
    this.#resume();
    while (!this.#complete && this.#aborted === undefined && this.#keptBytes <= limitBytes && !this.#noRoom) {
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
    }
    if (!this.#complete) this.#pause();
    if (this.#noRoom) throw new NoRoomForBody('no memory is left for a body that a filter wants to see');
    const bytes = Buffer.concat(this.#kept ?? []);
    return {
      bytes: bytes.length > limitBytes ? bytes.subarray(0, limitBytes) : bytes,
      complete: this.#complete && bytes.length <= limitBytes,
    };
  }

  #begin(): void {
    if (this.#started || this.#complete) return;
    this.#started = true;
    this.#source.start({
      onData: (chunk) => this.#onData(chunk),
      onEnd: (trailers) => this.#onEnd(trailers),
      onAbort: (reason) => this.#onAbort(reason),
    });
    if (this.#paused) this.#source.pause();
  }

  #onData(chunk: Uint8Array): void {
    if (this.#aborted !== undefined) return;
    this.bytesReceived += chunk.length;
    if (this.bytesReceived > this.#limit) {
      this.#pause();
      this.#onAbort('too-large');
      return;
    }
    const decoded = this.#decoder === undefined ? chunk : this.#decoder.write(chunk);
    if (decoded === undefined) {
      this.#pause();
      this.#onAbort('malformed');
    } else this.#take(decoded);
  }

  #take(chunk: Uint8Array): void {
    for (const tap of this.#taps) tap.data(chunk);
    const sink = this.#sink;
    this.#keep(chunk, sink !== undefined);
    if (sink !== undefined) {
      if (!sink.write(chunk)) this.#pause();
    } else if (this.#waiting === undefined) this.#pause();
    this.#wake();
  }

  /** What streams is kept as far as may be; what nobody takes yet is kept in any case, and no more of it is read then. */
  #keep(chunk: Uint8Array, streams: boolean): void {
    if (this.#kept === undefined) return;
    this.#kept.push(chunk);
    this.#keptBytes += chunk.length;
    if (streams && this.#keptBytes > this.#keepLimit) this.#forget();
    else if (this.#budget.take(chunk.length, streams)) this.#takenBytes += chunk.length;
    else if (streams) this.#forget();
    else this.#noRoom = true;
  }

  #onEnd(trailers: HeaderList | undefined): void {
    if (this.#aborted !== undefined) return;
    if (this.#decoder?.isWhole === false) {
      this.#onAbort('malformed');
      return;
    }
    this.#complete = true;
    this.endLimits();
    this.#trailers = trailers;
    for (const tap of this.#takeTaps()) tap.end(trailers);
    if (this.#sink !== undefined) this.#finish();
    this.#wake();
    for (const watcher of this.#watchers) watcher.onComplete?.();
  }

  #onAbort(reason: BodyAbort): void {
    if (this.#aborted !== undefined) return;
    this.#aborted = reason;
    this.endLimits();
    for (const tap of this.#takeTaps()) tap.abort();
    this.#wake();
    for (const watcher of this.#watchers) watcher.onAbort?.(reason);
  }

  #finish(): void {
    this.#sink?.end(this.#trailers);
  }

  #forget(): void {
    this.#kept = undefined;
    this.#keptBytes = 0;
    this.#budget.give(this.#takenBytes);
    this.#takenBytes = 0;
  }

  #pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    if (this.#started && !this.#complete) this.#source.pause();
    // Only here: a body that flows needs no timer.
    if (this.#sink !== undefined && this.#stallLimitMs !== undefined)
      this.#stalled = setTimeout(() => {
        for (const watcher of this.#watchers) watcher.onStalled?.();
      }, this.#stallLimitMs);
  }

  #resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    clearTimeout(this.#stalled);
    if (this.#started && !this.#complete) this.#source.resume();
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.();
  }
}
