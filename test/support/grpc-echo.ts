import {
  type handleUnaryCall,
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerWritableStream,
  type ServiceDefinition,
  status,
} from '@grpc/grpc-js';

const text = (value: Buffer): string => value.toString('utf8');
const bytes = (value: string): Buffer => Buffer.from(value, 'utf8');
const method = (name: string, requestStream: boolean, responseStream: boolean) => ({
  path: `/test.Echo/${name}`,
  requestStream,
  responseStream,
  requestSerialize: bytes,
  requestDeserialize: text,
  responseSerialize: bytes,
  responseDeserialize: text,
});

/** Messages are plain text: whoever speaks gRPC can call it without stubs. */
export const echoDefinition = {
  Unary: method('Unary', false, false),
  Collect: method('Collect', true, false),
  Spread: method('Spread', false, true),
  Converse: method('Converse', true, true),
  Forever: method('Forever', false, true),
} satisfies ServiceDefinition;

export interface EchoServer {
  readonly port: number;
  /** A call of `Forever` that its caller gave up. */
  onCancelled: (() => void) | undefined;
  close(): void;
}

const unary: handleUnaryCall<string, string> = (call, callback) => {
  if (call.request === 'fail') {
    const metadata = new Metadata();
    metadata.set('detail-bin', Buffer.from([1, 2, 3]));
    callback({ code: status.FAILED_PRECONDITION, details: 'not today: é', metadata });
    return;
  }
  const initial = new Metadata();
  initial.set('x-seen', String(call.metadata.get('x-sent')[0] ?? '-'));
  call.sendMetadata(initial);
  callback(null, `hello ${call.request}`);
};

export async function startEchoServer(): Promise<EchoServer> {
  const server = new Server();
  server.addService(echoDefinition, {
    Unary: unary,
    Collect(call: ServerReadableStream<string, string>, callback: (error: null, value: string) => void) {
      const parts: string[] = [];
      call.on('data', (part: string) => parts.push(part));
      call.on('end', () => callback(null, parts.join('+')));
    },
    Spread(call: ServerWritableStream<string, string>) {
      for (const part of call.request.split(' ')) call.write(part);
      call.end();
    },
    Converse(call: ServerDuplexStream<string, string>) {
      call.on('data', (part: string) => call.write(part.toUpperCase()));
      call.on('end', () => call.end());
    },
    Forever(call: ServerWritableStream<string, string>) {
      call.write('first');
      call.on('cancelled', () => echo.onCancelled?.());
    },
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  const echo: EchoServer = { port, onCancelled: undefined, close: () => server.forceShutdown() };
  return echo;
}
