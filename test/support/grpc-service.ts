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

interface Pair {
  readonly certificatePem: string;
  readonly keyPem: string;
}

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

/** Over TLS where it is given a certificate. */
export const authorizer = (check: UnaryHandler, pair?: Pair): Promise<TestGrpcService> =>
  startService(AUTHORIZER, 'Check', check, pair);

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
  pair?: Pair,
): Promise<TestGrpcService> {
  const received: Fields[] = [];
  const server = new Server();
  server.addService(definitionOf(service), {
    [method]: (call: Parameters<UnaryHandler>[0], callback: Parameters<UnaryHandler>[1]) => {
      received.push(call.request);
      handler(call, callback);
    },
  });
  const credentials =
    pair === undefined
      ? ServerCredentials.createInsecure()
      : ServerCredentials.createSsl(null, [
          { cert_chain: Buffer.from(pair.certificatePem), private_key: Buffer.from(pair.keyPem) },
        ]);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', credentials, (error, bound) => (error === null ? resolve(bound) : reject(error)));
  });
  return { port, received, close: () => server.forceShutdown() };
}
