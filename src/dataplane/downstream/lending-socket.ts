import { Socket, type SocketConstructorOpts } from 'node:net';
import { lentReads } from '../lent-reads.ts';

/** The parts of a socket's handle that are needed here; neither is documented. */
interface Handle {
  readonly useUserBuffer?: unknown;
}
interface SocketWithHandle {
  _handle?: Handle | null;
}

/**
 * An accepted socket that is read through one shared buffer. Node offers that for sockets that connect (`onread`) and not for
 * those that are accepted: for each read it sets 64 KiB aside, and so a small request costs a tenth more
 * (docs/performance.md). So the accepted handle gets a new socket, with `onread`.
 */
export class LendingSocket extends Socket {
  /** Takes what is read, lent for the call alone. While there is none the socket is like any other: it has `data` events and its own copies. */
  onLent: ((bytes: Buffer) => void) | undefined;

  /** Of a socket that was just accepted and nobody has read from; the same socket where node's insides are not as they were. */
  static over(accepted: Socket): Socket {
    const inside = accepted as SocketWithHandle;
    const handle = inside._handle;
    if (typeof handle?.useUserBuffer !== 'function') return accepted;
    const lending = new LendingSocket(handle);
    inside._handle = null;
    // Without a handle this closes nothing; its server counts one connection less.
    accepted.destroy();
    return lending;
  }

  private constructor(handle: Handle) {
    const options = {
      handle,
      allowHalfOpen: true,
      onread: lentReads((bytes) => this.#take(bytes)),
    };
    // The types know another `handle`.
    super(options as unknown as SocketConstructorOpts);
  }

  #take(bytes: Buffer): boolean {
    if (this.onLent === undefined) return this.push(Buffer.from(bytes));
    this.onLent(bytes);
    return true;
  }
}
