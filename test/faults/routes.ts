import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** A directory of routes that the faults edit. */
export interface RoutesDirectory {
  readonly dir: string;
  /** Put there whole or not at all, as editors and mounts do. */
  write(file: string, text: string): void;
  remove(file: string): void;
  close(): void;
}

export function routesDirectory(): RoutesDirectory {
  const dir = mkdtempSync(path.join(tmpdir(), 'banyan-faults-'));
  return {
    dir,
    write(file, text) {
      const target = path.join(dir, file);
      mkdirSync(path.dirname(target), { recursive: true });
      writeFileSync(`${target}.tmp`, text);
      renameSync(`${target}.tmp`, target);
    },
    remove: (file) => rmSync(path.join(dir, file), { force: true }),
    close: () => rmSync(dir, { recursive: true, force: true }),
  };
}

export const gatewayYaml = (port: number): string => `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge }
spec:
  selector: { istio: ingressgateway }
  servers: [{ port: { number: ${port}, name: http, protocol: HTTP }, hosts: ["*"] }]
`;

/** The gateway, and behind it one route for everything that needs no service. */
export const answeringYaml = (port: number): string => `${gatewayYaml(port)}---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: shop }
spec:
  hosts: ["*"]
  gateways: [infra/edge]
  http: [{ directResponse: { status: 204 } }]
`;

/** TLS for every name, by the Secret `edge` beside it; with `caPem` for clients who have a certificate of that authority. */
export const tlsGatewayYaml = (
  port: number,
  { certificatePem, keyPem }: { readonly certificatePem: string; readonly keyPem: string },
  caPem?: string,
): string => `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: secure }
spec:
  selector: { istio: ingressgateway }
  servers:
    - port: { number: ${port}, name: https, protocol: HTTPS }
      hosts: ["*"]
      tls: { mode: ${caPem === undefined ? 'SIMPLE' : 'MUTUAL'}, credentialName: edge }
---
apiVersion: v1
kind: Secret
metadata: { name: edge }
type: kubernetes.io/tls
data:
  tls.crt: ${Buffer.from(certificatePem).toString('base64')}
  tls.key: ${Buffer.from(keyPem).toString('base64')}
${caPem === undefined ? '' : `  ca.crt: ${Buffer.from(caPem).toString('base64')}\n`}`;

export const serviceYaml = (name: string, endpoints: readonly (readonly [address: string, port: number])[]): string =>
  `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name} }
spec:
  hosts: [${name}.internal]
  ports: [{ number: 80, name: http, protocol: HTTP }]
  resolution: STATIC
  endpoints:
${endpoints.map(([address, port]) => `    - { address: ${address}, ports: { http: ${port} } }`).join('\n')}
`;

export const namedServiceYaml = (service: string, name: string, port: number): string =>
  `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${service} }
spec:
  hosts: [${service}.internal]
  ports: [{ number: 80, name: http, protocol: HTTP }]
  resolution: DNS
  endpoints: [{ address: ${name}, ports: { http: ${port} } }]
`;

export const routeYaml = (host: string, service: string, more = ''): string => `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${host.replaceAll('.', '-')} }
spec:
  hosts: [${host}]
  gateways: [infra/edge]
  http:
    - route: [{ destination: { host: ${service}.internal, port: { number: 80 } } }]
${more
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => `      ${line}`)
  .join('\n')}
`;

/** Calls of gRPC under `/test.Echo`, and a host of their own behind them. */
export const grpcYaml = (port: number): string => `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: echo }
spec:
  hosts: [echo.internal]
  ports: [{ number: 80, name: grpc, protocol: GRPC }]
  resolution: STATIC
  endpoints: [{ address: 127.0.0.1, ports: { grpc: ${port} } }]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: shop-test }
spec:
  hosts: [shop.test]
  gateways: [infra/edge]
  http:
    - match: [{ uri: { prefix: /test.Echo/ } }]
      route: [{ destination: { host: echo.internal, port: { number: 80 } } }]
    - route: [{ destination: { host: shop.internal, port: { number: 80 } } }]
`;

export const destinationYaml = (service: string, policy: string): string => `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: ${service} }
spec:
  host: ${service}.internal
  trafficPolicy: ${policy}
`;
