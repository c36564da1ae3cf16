import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { authJwt } from '../../plugins/auth-jwt/index.ts';
import { authorization } from '../../plugins/authorization/index.ts';
import type { GatewayPlugin } from '../../src/contract/index.ts';
import { type Clock, systemClock } from '../../src/kernel/clock.ts';
import { frame, startGateway, type TestGateway, type TestGatewayOptions, virtualService } from '../support/gateway.ts';
import { NEVER_OVERLOADED } from './support.ts';

/** An issuer's server: what it answers is a test's to say, at any time. */
export interface KeyServer {
  readonly url: string;
  readonly port: number;
  /** Targets of the requests so far. */
  readonly asked: string[];
  behaviour: RequestListener;
  close(): Promise<void>;
}

export async function keyServer(
  behaviour: RequestListener | string,
  at: { readonly address: string; readonly port: number } = { address: '127.0.0.1', port: 0 },
): Promise<KeyServer> {
  const asked: string[] = [];
  const server: Server = createServer((request: IncomingMessage, response: ServerResponse) => {
    asked.push(request.url ?? '');
    response.on('error', () => {});
    keys.behaviour(request, response);
  });
  await new Promise<void>((resolve) => server.listen(at.port, at.address, resolve));
  const { port } = server.address() as AddressInfo;
  const keys: KeyServer = {
    url: `http://127.0.0.1:${port}/keys`,
    port,
    asked,
    behaviour: typeof behaviour === 'string' ? serving(behaviour) : behaviour,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return keys;
}

export const serving =
  (text: string): RequestListener =>
  (_, response) =>
    response.end(text);

/** Rules in YAML's flow style, which is JSON. */
export const requestAuthentication = (...jwtRules: readonly object[]): string => `
---
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: { name: login, namespace: istio-system }
spec: ${JSON.stringify({ jwtRules })}
`;

/** Nobody passes without a token. */
export const TOKEN_REQUIRED = `
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: token-required, namespace: istio-system }
spec: { action: DENY, rules: [{ from: [{ source: { notRequestPrincipals: ["*"] } }] }] }
`;

export const guardedRoutes = (upstreamPort: number): string =>
  frame({ shop: upstreamPort }) + virtualService('shop', '- route: [{ destination: { host: shop.test } }]');

/** Everything of the upstream's behind a token by these rules. */
export const startGuarded = (
  upstreamPort: number,
  rules: readonly object[],
  options: TestGatewayOptions = {},
): Promise<TestGateway> =>
  startGateway(guardedRoutes(upstreamPort) + requestAuthentication(...rules) + TOKEN_REQUIRED, {
    plugins: [authJwt, authorization] as readonly GatewayPlugin[],
    overload: NEVER_OVERLOADED,
    ...options,
  });

/** The system's clock, which a test may set. */
export function movableClock(): Clock & { move(ms: number): void } {
  let movedMs = 0;
  return {
    nowMs: () => systemClock.nowMs() + movedMs,
    monotonicMs: () => systemClock.monotonicMs() + movedMs,
    move(ms) {
      movedMs += ms;
    },
  };
}
