import http2 from 'node:http2';
import type { Socket } from 'node:net';
import type { ConnectionSettings } from '../../table/model.ts';
import type { UpstreamReceiver, UpstreamRequestHead } from '../stream.ts';
import type { ClientConnection, ClientStream, ConnectionEvents } from './connection.ts';
import { MAX_HEAD_BYTES } from './http1-parser.ts';
import { Http2Stream } from './http2-stream.ts';
import { localAddressOf } from './wire.ts';

/** Until a server has said how many requests it takes at a time. */
export const ASSUMED_STREAMS = 1024;
/** What an answer may run ahead of a slow client, per stream. */
const STREAM_WINDOW = 256 * 1024;
/** Over all streams; a stream that stands still takes nothing from the others. */
const CONNECTION_WINDOW = 4 * 1024 * 1024;

type Http2Settings = Pick<ConnectionSettings, 'maxConcurrentStreams' | 'http2KeepAlive'>;

/** One HTTP/2 connection to a host, over a socket that is connected already: h2c with prior knowledge, or h2 after ALPN. */
export class Http2Connection implements ClientConnection {
  readonly address: string;
  readonly localAddress: string;
  readonly #session: http2.ClientHttp2Session;
  readonly #settings: Http2Settings;
  #remoteLimit: number;
  #served = 0;
  #active = 0;
  #idleSinceMs = 0;
  #pingTimer: NodeJS.Timeout | undefined;
  #pongTimer: NodeJS.Timeout | undefined;

  /** `expectedStreams`: what the host was found to take, until this connection's own settings come. */
  constructor(
    socket: Socket,
    address: string,
    settings: Http2Settings,
    expectedStreams: number,
    events: ConnectionEvents,
  ) {
    this.address = address;
    this.#remoteLimit = expectedStreams;
    this.localAddress = localAddressOf(socket);
    this.#settings = settings;
    this.#session = http2.connect('http://upstream.invalid', {
      createConnection: () => socket,
      peerMaxConcurrentStreams: ASSUMED_STREAMS,
      // The limit that counts is the stream's own, which can say what was wrong; this one bounds memory.
      maxHeaderListPairs: 4096,
      maxSendHeaderBlockLength: 256 * 1024,
      // Counts what is queued to be sent; answers of slow clients are bounded by their windows.
      maxSessionMemory: 100,
      strictSingleValueFields: false,
      settings: { enablePush: false, initialWindowSize: STREAM_WINDOW, maxHeaderListSize: MAX_HEAD_BYTES },
    } as http2.ClientSessionOptions);
    this.#listen(events);
    this.#schedulePing();
  }

  get streamLimit(): number {
    // A server that takes none at all for now is waited for by the session, not by dialling again.
    return Math.max(1, Math.min(this.#settings.maxConcurrentStreams ?? Number.POSITIVE_INFINITY, this.#remoteLimit));
  }

  open(head: UpstreamRequestHead, receiver: UpstreamReceiver, onClosed: () => void): ClientStream {
    const idleMs = this.#active > 0 ? 0 : performance.now() - this.#idleSinceMs;
    this.#active++;
    const closed = (): void => {
      this.#active--;
      this.#idleSinceMs = performance.now();
      onClosed();
    };
    return new Http2Stream(this, this.#session, head, receiver, closed, this.#served++ === 0 ? undefined : idleMs);
  }

  destroy(): void {
    this.#session.destroy();
  }

  #listen(events: ConnectionEvents): void {
    const session = this.#session;
    // Streams report what becomes of them; the session's own words are theirs too.
    session.on('error', () => {});
    session.once('connect', () => session.setLocalWindowSize(CONNECTION_WINDOW));
    session.on('goaway', () => events.onRetired());
    session.on('remoteSettings', (settings) => {
      this.#remoteLimit = settings.maxConcurrentStreams ?? Number.POSITIVE_INFINITY;
      // Who takes no more once it has taken some may go on like that for ever; others need not wait for it.
      if (this.#remoteLimit === 0 && this.#served > 0) events.onRetired();
      else events.onLimit();
    });
    session.once('close', () => {
      clearTimeout(this.#pingTimer);
      clearTimeout(this.#pongTimer);
      events.onClosed();
    });
  }

  #schedulePing(): void {
    const keepAlive = this.#settings.http2KeepAlive;
    if (keepAlive === undefined) return;
    this.#pingTimer = setTimeout(() => this.#ping(keepAlive.timeoutMs), keepAlive.intervalMs);
    this.#pingTimer.unref();
  }

  #ping(timeoutMs: number): void {
    const session = this.#session;
    if (session.destroyed) return;
    this.#pongTimer = setTimeout(() => session.destroy(), timeoutMs);
    this.#pongTimer.unref();
    session.ping((error) => {
      clearTimeout(this.#pongTimer);
      if (error === null && !session.destroyed) this.#schedulePing();
    });
  }
}
