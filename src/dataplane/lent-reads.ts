import type { OnReadOpts } from 'node:net';

/**
 * One buffer for all plain sockets of this thread, whoever opened them: a read is handed on, and copied where it must
 * outlive the call, before the next one can happen. Without it Node allocates 64 KiB for each read.
 */
const SHARED = Buffer.allocUnsafeSlow(64 * 1024);

/** A socket's `onread`. `take`: the bytes are lent for the call alone; false: no more until the socket is resumed. */
export const lentReads = (take: (bytes: Buffer) => boolean): OnReadOpts => ({
  buffer: SHARED,
  callback: (length, buffer) => take((buffer as Buffer).subarray(0, length)),
});
