import { fileURLToPath } from 'node:url';
import {
  type handleUnaryCall,
  loadPackageDefinition,
  Server,
  ServerCredentials,
  type ServiceClientConstructor,
  type ServiceDefinition,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

type Fields = Readonly<Record<string, unknown>>;
export type UnaryHandler = handleUnaryCall<Fields, Fields>;

export interface TestGrpcService {
  readonly port: number;
  /** Messages received so far, as plain objects with the names of the .proto file. */
  readonly received: Fields[];
  close(): void;
}

const AUTHORIZER = { file: 'authorization.proto', name: 'envoy.service.auth.v3.Authorization' };
const RATE_LIMITER = { file: 'rate-limit.proto', name: 'envoy.service.ratelimit.v3.RateLimitService' };

export const authorizer = (check: UnaryHandler): Promise<TestGrpcService> => startService(AUTHORIZER, 'Check', check);

export const rateLimiter = (decide: UnaryHandler): Promise<TestGrpcService> =>
  startService(RATE_LIMITER, 'ShouldRateLimit', decide);

/** What an authorizer would read of a message. */
export const readCheck = (message: Uint8Array): Fields =>
  definitionOf(AUTHORIZER)['Check']?.requestDeserialize(Buffer.from(message)) as Fields;

function definitionOf({ file, name }: typeof AUTHORIZER): ServiceDefinition {
  const path = fileURLToPath(new URL(`proto/${file}`, import.meta.url));
  const root = loadPackageDefinition(loadSync(path, { keepCase: true, longs: Number, defaults: false }));
  const found = name.split('.').reduce<unknown>((at, part) => (at as Fields)[part], root);
  return (found as ServiceClientConstructor).service;
}

/** A real gRPC server on a free loopback port. */
async function startService(
  service: typeof AUTHORIZER,
  method: string,
  handler: UnaryHandler,
): Promise<TestGrpcService> {
  const received: Fields[] = [];
  const server = new Server();
  server.addService(definitionOf(service), {
    [method]: (call: Parameters<UnaryHandler>[0], callback: Parameters<UnaryHandler>[1]) => {
      received.push(call.request);
      handler(call, callback);
    },
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return { port, received, close: () => server.forceShutdown() };
}
