import net from 'node:net';
import { HeaderList } from '../../../../src/contract/headers.ts';
import {
  createDownstream,
  type Downstream,
  type DownstreamLimits,
  type DownstreamOptions,
} from '../../../../src/dataplane/downstream/index.ts';
import type { RawRequest, RejectedRequest } from '../../../../src/dataplane/downstream/port.ts';
import { systemClock } from '../../../../src/kernel/clock.ts';
import type { CredentialTable, Listener, TlsTermination } from '../../../../src/table/model.ts';
import { freePort } from '../../../support/free-port.ts';

/** What stands for the gateway's core behind the lanes. */
export type Handler = (request: RawRequest) => void;

export const NO_CREDENTIALS: CredentialTable = { revision: '', credentials: {} };

export interface Toy {
  readonly downstream: Downstream;
  readonly requests: RawRequest[];
  readonly rejected: RejectedRequest[];
  /** Request bodies that broke off, and clients that left, in order. */
  readonly events: string[];
  readonly port: number;
  handler: Handler;
  close(): Promise<void>;
}

export function reply(
  request: RawRequest,
  status: number,
  body: string,
  headers: readonly [string, string][] = [],
): void {
  const bytes = Buffer.from(body, 'latin1');
  request.writer.head(status, HeaderList.from(headers), bytes.length);
  request.writer.write(bytes);
  request.writer.end();
}

/** Answers with what it saw of the request, once all of it has come. */
export function echo(toy: { readonly events: string[] }): Handler {
  return (request) => {
    request.onGone(() => toy.events.push('gone'));
    const chunks: Uint8Array[] = [];
    const answer = (trailers: HeaderList | undefined): void =>
      reply(
        request,
        200,
        JSON.stringify({
          method: request.method,
          target: request.target,
          protocol: request.protocol,
          scheme: request.scheme,
          authority: request.authority,
          headers: request.headers.raw(),
          body: Buffer.concat(chunks).toString('latin1'),
          trailers: trailers?.raw(),
          upgrade: request.upgrade?.value,
        }),
      );
    if (request.body.empty) answer(undefined);
    else
      request.body.start({
        onData: (chunk) => chunks.push(chunk),
        onEnd: answer,
        onAbort: (reason) => {
          toy.events.push(`abort ${reason}`);
          if (reason === 'malformed') reply(request, 400, 'malformed body');
        },
      });
  };
}

export const httpListener = (port: number, routeConfig = 'http.80'): Listener => ({
  port,
  bind: undefined,
  plaintext: { kind: 'http', routeConfig },
  tls: [],
});

/** That asks clients for nothing. */
export const termination = (changes: Partial<TlsTermination> = {}): TlsTermination => ({
  clientCertificate: 'none',
  credentials: ['shop'],
  clientCa: undefined,
  subjectAltNames: [],
  spkiPins: [],
  certificateHashes: [],
  minVersion: 'TLSv1.2',
  maxVersion: 'TLSv1.3',
  cipherSuites: [],
  ...changes,
});

export { freePort };

export interface ToyOptions {
  readonly limits?: Partial<DownstreamLimits>;
  readonly listeners?: (port: number) => readonly Listener[];
  readonly credentials?: CredentialTable;
  readonly openTcp?: DownstreamOptions['openTcp'];
  readonly proxyProtocolFrom?: readonly string[];
  /** Default: a free one. */
  readonly port?: number;
  readonly reusePort?: boolean;
  readonly fastLane?: boolean;
  /** Before anything is applied. */
  readonly prepare?: (fastify: Downstream['fastify']) => void;
}

type Passage = ReturnType<DownstreamOptions['openTcp']>;

/** What is known of a raw connection, and what it is told of its end. */
export const toyPassage = (connect: Passage['connect'], ended: Passage['ended'] = () => {}): Passage => ({
  record: { bytesReceived: 0, bytesSent: 0 },
  connect,
  opened() {},
  ended,
});

/** A downstream side on a free loopback port, with a toy behind it that answers everything. */
export async function startToy(options: ToyOptions = {}): Promise<Toy> {
  const port = options.port ?? (await freePort());
  const requests: RawRequest[] = [];
  const rejected: RejectedRequest[] = [];
  const events: string[] = [];
  const downstream = createDownstream({
    handling: {
      handle(request) {
        requests.push(request);
        toy.handler(request);
      },
      rejected: (request) => void rejected.push(request),
    },
    clock: systemClock,
    listenAddress: '127.0.0.1',
    portOffset: 0,
    reusePort: options.reusePort ?? false,
    fastLane: options.fastLane ?? true,
    openTcp: options.openTcp ?? (() => toyPassage(async () => undefined)),
    proxyProtocolFrom: options.proxyProtocolFrom,
    limits: { sweepIntervalMs: 20, drainIdleMs: 50, lingerMs: 300, ...options.limits },
  });
  const toy: Toy = {
    downstream,
    requests,
    rejected,
    events,
    port,
    handler: echo({ events }),
    close: () => downstream.close(),
  };
  options.prepare?.(downstream.fastify);
  await downstream.apply(
    (options.listeners ?? ((at) => [httpListener(at)]))(port),
    options.credentials ?? NO_CREDENTIALS,
  );
  return toy;
}

export interface Answer {
  readonly status: number;
  /** name, value, … as they came. */
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
}

export interface Exchange {
  readonly answers: readonly Answer[];
  readonly closed: boolean;
  readonly raw: string;
}

const header = (answer: Answer, name: string): string | undefined => answer.headers.find(([n]) => n === name)?.[1];

export { header as headerOf };

/**
 * Sends bytes as they are and waits until so many answers have come or the connection closed; `settleMs` longer, to see
 * whether it stays open.
 */
export async function sendRaw(
  port: number,
  bytes: string | readonly string[],
  options: { readonly answers?: number; readonly heads?: readonly string[]; readonly settleMs?: number } = {},
): Promise<Exchange> {
  const socket = net.connect(port, '127.0.0.1');
  let raw = '';
  let closed = false;
  socket.setNoDelay(true);
  socket.on('error', () => {});
  const wanted = options.answers ?? 1;
  await new Promise<void>((resolve) => {
    const finish = (): void => {
      const answers = parseAnswers(raw, options.heads);
      if (closed) resolve();
      // A close that was announced comes, however busy the machine is.
      else if (answers.length >= wanted && header(answers.at(-1) as Answer, 'connection') !== 'close')
        setTimeout(resolve, options.settleMs ?? 30);
    };
    socket.on('data', (chunk) => {
      raw += chunk.toString('latin1');
      finish();
    });
    socket.on('close', () => {
      closed = true;
      finish();
    });
    setTimeout(resolve, 3_000).unref();
    void (async () => {
      for (const part of typeof bytes === 'string' ? [bytes] : bytes) {
        socket.write(Buffer.from(part, 'latin1'));
        await new Promise((next) => setTimeout(next, 5));
      }
    })();
  });
  socket.destroy();
  return { answers: parseAnswers(raw, options.heads), closed, raw };
}

/** All whole answers in what came; `methods` of the requests tell which have no body. */
export function parseAnswers(raw: string, methods: readonly string[] = []): readonly Answer[] {
  const answers: Answer[] = [];
  for (let at = 0; at < raw.length; ) {
    const end = raw.indexOf('\r\n\r\n', at);
    if (end < 0) break;
    const [first = '', ...lines] = raw.slice(at, end).split('\r\n');
    const status = Number(first.split(' ')[1]);
    const headers = lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)] as const);
    at = end + 4;
    if (status >= 100 && status < 200 && status !== 101) {
      answers.push({ status, headers, body: '' });
      continue;
    }
    const final = answers.filter((answer) => answer.status >= 200).length;
    const get = (name: string): string | undefined => headers.find(([n]) => n === name)?.[1];
    let body = '';
    if (methods[final] === 'HEAD' || status === 204 || status === 304 || status === 101) body = '';
    else if (get('transfer-encoding') === 'chunked') {
      const chunked = readChunks(raw, at);
      if (chunked === undefined) break;
      body = chunked.body;
      at = chunked.end;
    } else {
      const length = Number(get('content-length') ?? 0);
      if (raw.length < at + length) break;
      body = raw.slice(at, at + length);
      at += length;
    }
    answers.push({ status, headers, body });
  }
  return answers;
}

function readChunks(raw: string, from: number): { readonly body: string; readonly end: number } | undefined {
  let body = '';
  for (let at = from; ; ) {
    const end = raw.indexOf('\r\n', at);
    if (end < 0) return undefined;
    const size = Number.parseInt(raw.slice(at, end), 16);
    if (size === 0) {
      const last = raw.indexOf('\r\n', end + 2);
      return last < 0 ? undefined : { body, end: last + 2 };
    }
    if (raw.length < end + 2 + size + 2) return undefined;
    body += raw.slice(end + 2, end + 2 + size);
    at = end + 2 + size + 2;
  }
}
