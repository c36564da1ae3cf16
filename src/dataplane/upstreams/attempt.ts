import type { HeaderList } from '../../contract/headers.ts';
import type { ResetReason, UpstreamExchange, UpstreamReceiver, UpstreamRequestHead } from '../stream.ts';
import { type ClientConnection, type ClientStream, type EndOfBody, failure } from './connection.ts';
import type { Standing } from './line.ts';

/**
 * One try, from the moment it asks for a connection until it has its answer. What is written before the connection is
 * there waits, at most what its writer sends against `write`'s advice, and goes out together with the head.
 */
export class Attempt implements UpstreamExchange, Standing<Attempt> {
  /** Where it waits for a connection. */
  line: object | undefined;
  ahead: Attempt | undefined;
  behind: Attempt | undefined;
  readonly #head: UpstreamRequestHead;
  readonly #receiver: UpstreamReceiver;
  /** Called once, whichever way it ends, before the receiver's last call. */
  readonly #onDone: () => void;
  #state: 'waiting' | 'attached' | 'open' | 'done' = 'waiting';
  #stream: ClientStream | undefined;
  #queue: Uint8Array[] = [];
  #end: EndOfBody | undefined;
  #paused = false;
  /** Takes it out of the pool's queue. */
  onWithdrawn: (() => void) | undefined;

  constructor(head: UpstreamRequestHead, receiver: UpstreamReceiver, onDone: () => void) {
    this.#head = head;
    this.#receiver = receiver;
    this.#onDone = onDone;
  }

  /* ---- what the pool says */

  attach(connection: ClientConnection, onClosed: () => void): void {
    this.#state = 'attached';
    this.#stream = connection.open(this.#head, this.#receiver, () => {
      onClosed();
      this.#done();
    });
    // Whoever started us gets the exchange in hand before anything is reported to it.
    queueMicrotask(() => this.#begin());
  }

  /** No connection, and none to come. */
  fail(reason: ResetReason, detail: string | undefined): void {
    if (this.#state === 'done') return;
    this.#done();
    queueMicrotask(() => {
      if (!this.#cancelled) this.#receiver.onFailed(failure(reason, detail, true));
    });
  }

  #cancelled = false;

  #begin(): void {
    if (this.#state !== 'attached') return;
    const stream = this.#stream as ClientStream;
    stream.connected();
    // The receiver may have given up in that call.
    if ((this.#state as string) !== 'attached') return;
    this.#state = 'open';
    const queue = this.#queue;
    this.#queue = [];
    if (this.#paused) stream.pause();
    const more = stream.begin(queue, this.#end);
    if (queue.length > 0 && more && this.#end === undefined && (this.#state as string) === 'open')
      this.#receiver.onDrain();
  }

  #done(): void {
    if (this.#state === 'done') return;
    this.#state = 'done';
    this.#queue = [];
    this.#onDone();
  }

  /* ---- what the forwarder says */

  write(chunk: Uint8Array): boolean {
    if (this.#state === 'open') return (this.#stream as ClientStream).write(chunk);
    if (this.#state === 'done') return true;
    this.#queue.push(chunk);
    return false;
  }

  end(trailers?: HeaderList): void {
    if (this.#state === 'open') this.#stream?.end(trailers);
    else this.#end ??= { trailers };
  }

  pause(): void {
    this.#paused = true;
    if (this.#state === 'open') this.#stream?.pause();
  }

  resume(): void {
    this.#paused = false;
    if (this.#state === 'open') this.#stream?.resume();
  }

  cancel(): void {
    if (this.#cancelled) return;
    this.#cancelled = true;
    if (this.#state === 'waiting') {
      this.onWithdrawn?.();
      this.#done();
    } else this.#stream?.cancel();
  }
}
