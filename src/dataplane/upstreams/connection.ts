import type { BodySink, UpstreamFailure, UpstreamReceiver, UpstreamRequestHead } from '../stream.ts';

/** A live connection to a host, of whichever protocol; the pool is written against this. */
export interface ClientConnection {
  /** How many requests may be under way at a time, as far as is known now. */
  readonly streamLimit: number;
  /** Takes the place; nothing is written before `begin`. `onClosed`: the place is free again, called once, before the receiver's last call. */
  open(head: UpstreamRequestHead, receiver: UpstreamReceiver, onClosed: () => void): ClientStream;
  /** At once, whatever is under way. */
  destroy(): void;
}

export interface ClientStream extends BodySink {
  /** Tells the receiver that it is connected. */
  connected(): void;
  /** Writes the head and what has queued up of the body in one go. False: enough for now. */
  begin(body: readonly Uint8Array[], end: EndOfBody | undefined): boolean;
  pause(): void;
  resume(): void;
  cancel(): void;
}

export interface EndOfBody {
  readonly trailers: Parameters<BodySink['end']>[0];
}

/** What a connection tells its pool. */
export interface ConnectionEvents {
  /** Closed, for whatever reason; may be said twice. */
  onClosed(): void;
  /** Takes no new requests; those under way go on. */
  onRetired(): void;
  /** `streamLimit` changed. */
  onLimit(): void;
  /** The server closes it after so many seconds without a request; it is better not to meet that moment. */
  onIdleHint(seconds: number): void;
}

export const failure = (
  reason: UpstreamFailure['reason'],
  detail: string | undefined,
  nothingSent: boolean,
  reuse: Reuse = { reusedConnection: false, idleMs: 0 },
): UpstreamFailure => ({ reason, detail, nothingSent, ...reuse });

export type Reuse = Pick<UpstreamFailure, 'reusedConnection' | 'idleMs'>;
