import { Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { frame, startGateway, type TestGateway, virtualService } from '../support/gateway.ts';
import { echoDefinition as definition, type EchoServer, startEchoServer } from '../support/grpc-echo.ts';

let server: EchoServer;
let gateway: TestGateway | undefined;

beforeAll(async () => {
  server = await startEchoServer();
});
afterAll(() => server.close());
afterEach(async () => {
  await gateway?.close();
  gateway = undefined;
});

const rules = (more = ''): string =>
  virtualService('echo', `- route:\n    - destination: { host: echo.test }\n${more}`);

async function connect(more = ''): Promise<Client> {
  gateway = await startGateway(frame({ echo: server.port }, 'HTTP2') + rules(more));
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
        frame({ echo: server.port }, 'HTTP2') + rules(`  headers: { response: { set: { x-step: ${word} } } }`),
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
      server.onCancelled = resolve;
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
