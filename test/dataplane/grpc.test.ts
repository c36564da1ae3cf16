import {
  Client,
  credentials,
  type handleUnaryCall,
  Metadata,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { frame, startGateway, type TestGateway, virtualService } from '../support/gateway.ts';

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
const definition = {
  Unary: method('Unary', false, false),
  Collect: method('Collect', true, false),
  Spread: method('Spread', false, true),
  Converse: method('Converse', true, true),
  Forever: method('Forever', false, true),
} satisfies ServiceDefinition;

let server: Server;
let serverPort: number;
let cancelled: (() => void) | undefined;
let gateway: TestGateway | undefined;

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

beforeAll(async () => {
  server = new Server();
  server.addService(definition, {
    Unary: unary,
    Collect(
      call: import('@grpc/grpc-js').ServerReadableStream<string, string>,
      callback: (error: null, value: string) => void,
    ) {
      const parts: string[] = [];
      call.on('data', (part: string) => parts.push(part));
      call.on('end', () => callback(null, parts.join('+')));
    },
    Spread(call: import('@grpc/grpc-js').ServerWritableStream<string, string>) {
      for (const part of call.request.split(' ')) call.write(part);
      call.end();
    },
    Converse(call: import('@grpc/grpc-js').ServerDuplexStream<string, string>) {
      call.on('data', (part: string) => call.write(part.toUpperCase()));
      call.on('end', () => call.end());
    },
    Forever(call: import('@grpc/grpc-js').ServerWritableStream<string, string>) {
      call.write('first');
      call.on('cancelled', () => cancelled?.());
    },
  });
  serverPort = await new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
      error === null ? resolve(port) : reject(error),
    );
  });
});
afterAll(() => server.forceShutdown());
afterEach(async () => {
  await gateway?.close();
  gateway = undefined;
});

const rules = (more = ''): string =>
  virtualService('echo', `- route:\n    - destination: { host: echo.test }\n${more}`);

async function connect(more = ''): Promise<Client> {
  gateway = await startGateway(frame({ echo: serverPort }, 'HTTP2') + rules(more));
  return new Client(`127.0.0.1:${gateway.port}`, credentials.createInsecure());
}

function call(
  client: Client,
  request: string,
  metadata = new Metadata(),
): Promise<{ readonly value: string; readonly seen: unknown }> {
  return new Promise((resolve, reject) => {
    let seen: unknown;
    const { Unary } = definition;
    client
      .makeUnaryRequest(
        Unary.path,
        Unary.requestSerialize,
        Unary.responseDeserialize,
        request,
        metadata,
        (error, value) => (error === null ? resolve({ value: value ?? '', seen }) : reject(error)),
      )
      .on('metadata', (initial: Metadata) => {
        [seen] = initial.get('x-seen');
      });
  });
}

describe('gRPC with a real client and server', () => {
  it('carries unary calls with metadata both ways', async () => {
    const client = await connect();
    const metadata = new Metadata();
    metadata.set('x-sent', 'yes');
    expect(await call(client, 'ada', metadata)).toEqual({ value: 'hello ada', seen: 'yes' });
    client.close();
  });

  it('carries errors with message and binary details', async () => {
    const client = await connect();
    const error = await call(client, 'fail').then(
      () => undefined,
      (problem: ServiceError) => problem,
    );
    expect([error?.code, error?.details, error?.metadata.get('detail-bin')[0]]).toEqual([
      status.FAILED_PRECONDITION,
      'not today: é',
      Buffer.from([1, 2, 3]),
    ]);
    client.close();
  });

  it('carries a stream of requests', async () => {
    const client = await connect();
    const { Collect } = definition;
    const value = await new Promise((resolve, reject) => {
      const stream = client.makeClientStreamRequest(
        Collect.path,
        Collect.requestSerialize,
        Collect.responseDeserialize,
        (error, answer) => (error === null ? resolve(answer) : reject(error)),
      );
      for (const part of ['a', 'b', 'c']) stream.write(part);
      stream.end();
    });
    expect(value).toBe('a+b+c');
    client.close();
  });

  it('carries a stream of answers', async () => {
    const client = await connect();
    const { Spread } = definition;
    const parts: string[] = [];
    for await (const part of client.makeServerStreamRequest(
      Spread.path,
      Spread.requestSerialize,
      Spread.responseDeserialize,
      'one two three',
    ))
      parts.push(part);
    expect(parts).toEqual(['one', 'two', 'three']);
    client.close();
  });

  it('carries a conversation in step, also while routes change', async () => {
    const client = await connect();
    const { Converse } = definition;
    const stream = client.makeBidiStreamRequest(Converse.path, Converse.requestSerialize, Converse.responseDeserialize);
    const heard: string[] = [];
    for (const word of ['a', 'b', 'c']) {
      const answer = new Promise<string>((resolve) => stream.once('data', resolve));
      stream.write(word);
      heard.push(await answer);
      await gateway?.publish(
        frame({ echo: serverPort }, 'HTTP2') + rules(`  headers: { response: { set: { x-step: ${word} } } }`),
      );
    }
    stream.end();
    await new Promise((resolve) => stream.on('status', resolve));
    expect(heard).toEqual(['A', 'B', 'C']);
    client.close();
  });

  it('cancels at the service what its caller cancels', async () => {
    const client = await connect();
    const { Forever } = definition;
    const gone = new Promise<void>((resolve) => {
      cancelled = resolve;
    });
    const stream = client.makeServerStreamRequest(
      Forever.path,
      Forever.requestSerialize,
      Forever.responseDeserialize,
      'go',
    );
    stream.on('error', () => {});
    await new Promise((resolve) => stream.once('data', resolve));
    stream.cancel();
    await gone;
    client.close();
  });

  it('ends a call at its deadline', async () => {
    const client = await connect();
    const { Forever } = definition;
    const stream = client.makeServerStreamRequest(
      Forever.path,
      Forever.requestSerialize,
      Forever.responseDeserialize,
      'go',
      new Metadata(),
      { deadline: Date.now() + 150 },
    );
    stream.resume();
    const error = await new Promise<ServiceError>((resolve) => stream.on('error', resolve));
    expect([status.DEADLINE_EXCEEDED, status.UNAVAILABLE]).toContain(error.code);
    client.close();
  });

  it('tells a caller in its own terms that the service is not there', async () => {
    gateway = await startGateway(frame({ echo: 1 }, 'HTTP2') + rules());
    const client = new Client(`127.0.0.1:${gateway.port}`, credentials.createInsecure());
    await expect(call(client, 'ada')).rejects.toMatchObject({ code: status.UNAVAILABLE });
    client.close();
  });
});
