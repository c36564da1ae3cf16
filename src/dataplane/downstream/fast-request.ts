import type { Socket } from 'node:net';
import { HeaderList } from '../../contract/headers.ts';
import { type BodyReader, FastBody } from './fast-body.ts';
import type { FastHead } from './fast-head.ts';
import { FastWriter, type FastWriterContext } from './fast-writer.ts';
import { LaneRequest, type RequestOwner } from './lane-request.ts';

export interface FastOwner extends RequestOwner<FastRequest>, BodyReader {
  readonly socket: Socket;
  /** The whole answer is written. */
  answered(): void;
}

/** One request of the fast lane. */
export class FastRequest extends LaneRequest implements FastWriterContext {
  readonly #owner: FastOwner;
  readonly #closes: boolean;
  readonly method: string;
  readonly target: string;
  readonly headers: HeaderList;
  readonly body: FastBody;
  readonly writer: FastWriter;
  readonly expectContinue = false;
  readonly upgrade = undefined;

  constructor(owner: FastOwner, head: FastHead) {
    super(owner.connection, owner.clock);
    this.#owner = owner;
    this.#closes = head.closes;
    this.method = head.method;
    this.target = head.target;
    this.headers = HeaderList.adopt(head.headers);
    this.body = new FastBody(owner, head.bodyLength, owner.clock);
    this.writer = new FastWriter(this);
  }

  get socket(): Socket {
    return this.#owner.socket;
  }

  lastAnswer(): boolean {
    return this.#owner.lastAnswer(this, this.#closes);
  }

  answered(): void {
    this.#owner.answered();
  }

  cut(): void {
    this.#owner.cut();
  }
}
