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

export const destinationYaml = (service: string, policy: string): string => `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: ${service} }
spec:
  host: ${service}.internal
  trafficPolicy: ${policy}
`;
