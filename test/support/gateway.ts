import { createCompiler } from '../../src/compiler/index.ts';
import type { ConnectionRecord, GatewayPlugin, RequestRecord } from '../../src/contract/index.ts';
import { buildGateway, type DownstreamLimits, type Gateway, type OverloadLimits } from '../../src/dataplane/index.ts';
import { type Clock, systemClock } from '../../src/kernel/clock.ts';
import type { MeshSettings } from '../../src/resources/mesh-config.ts';
import { resourceSet } from '../../src/resources/set.ts';
import { createHandle } from '../../src/table/handle.ts';
import type { CredentialTable, EndpointTable, RouteTable } from '../../src/table/model.ts';
import { freePort } from './free-port.ts';
import { testMesh } from './mesh.ts';
import { parseResources } from './resources.ts';

export interface TestGateway {
  readonly gateway: Gateway;
  /** The port that `GATEWAY_PORT` in the resources stands for. */
  readonly port: number;
  readonly records: RequestRecord[];
  /** Raw connections that have ended. */
  readonly connections: ConnectionRecord[];
  readonly errors: unknown[];
  /** Compiles and publishes other resources. */
  publish(text: string): Promise<void>;
  close(): Promise<void>;
}

export interface TestGatewayOptions {
  readonly plugins?: readonly GatewayPlugin[];
  readonly mesh?: Partial<MeshSettings>;
  /** In [0, 1). */
  readonly random?: () => number;
  readonly clock?: Clock;
  /** Beside `istio: ingressgateway`. */
  readonly gatewayLabels?: Readonly<Record<string, string>>;
  /** Default: everything. */
  readonly mayDial?: (address: string, port: number) => boolean;
  readonly limits?: Partial<DownstreamLimits>;
  readonly overload?: OverloadLimits;
  readonly interimOverHttp1?: boolean;
  /** What plugins say by `app.log`. */
  readonly onPluginLine?: (level: string, message: string, fields: Readonly<Record<string, unknown>>) => void;
}

/** A whole gateway in this process: YAML (all in namespace `team`) compiled and served on a free loopback port. */
export async function startGateway(text: string, options: TestGatewayOptions = {}): Promise<TestGateway> {
  const port = await freePort();
  const plugins = [...(options.plugins ?? []), recorder()];
  const records: RequestRecord[] = [];
  const connections: ConnectionRecord[] = [];
  const errors: unknown[] = [];
  const tables = createHandle<RouteTable>();
  const endpoints = createHandle<EndpointTable>();
  const credentials = createHandle<CredentialTable>();
  const compiler = createCompiler({
    gatewayLabels: { istio: 'ingressgateway', ...options.gatewayLabels },
    gatewayNamespace: 'istio-system',
    mesh: { ...testMesh, ...options.mesh },
    filters: plugins.map(({ spec }) => spec),
  });
  const publishText = (source: string): void => {
    const compiled = compiler.compile(
      resourceSet(parseResources(source.replaceAll('GATEWAY_PORT', String(port)), 'team')),
    );
    credentials.publish(compiled.credentials);
    endpoints.publish(compiled.endpoints);
    tables.publish(compiled.table);
  };
  publishText(text);
  const gateway = await buildGateway({
    tables,
    endpoints,
    credentials,
    plugins,
    listenAddress: '127.0.0.1',
    portOffset: 0,
    clock: options.clock ?? systemClock,
    ...(options.random !== undefined && { random: options.random }),
    mayDial: options.mayDial ?? (() => true),
    ...(options.limits !== undefined && { limits: options.limits }),
    ...(options.overload !== undefined && { overload: options.overload }),
    ...(options.interimOverHttp1 !== undefined && { interimOverHttp1: options.interimOverHttp1 }),
    ...(options.onPluginLine !== undefined && { onPluginLine: options.onPluginLine }),
    onError: (error) => errors.push(error),
  });
  await gateway.applied();
  return {
    gateway,
    port,
    records,
    connections,
    errors,
    async publish(source) {
      publishText(source);
      await gateway.applied();
    },
    close: () => gateway.close(),
  };

  function recorder(): GatewayPlugin {
    const name = 'recorder';
    return {
      spec: { name, kinds: [] },
      plugin: Object.assign(
        async (app: Parameters<GatewayPlugin['plugin']>[0]) =>
          app.banyan.contribute({
            name,
            always: true,
            log: (record) => void records.push(record),
            logConnection: (record) => void connections.push(record),
          }),
        {
          [Symbol.for('skip-override')]: true,
        },
      ),
    };
  }
}

export { freePort };

/** A Gateway for every host on the port, and a ServiceEntry `NAME.test` for each upstream, spoken to in that protocol. */
export const frame = (
  upstreams: Readonly<Record<string, number | readonly number[]>>,
  protocol: 'HTTP' | 'HTTP2' | 'TCP' = 'HTTP',
): string =>
  [
    `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge }
spec:
  selector: { istio: ingressgateway }
  servers:
    - { port: { number: GATEWAY_PORT, name: http, protocol: ${protocol === 'TCP' ? 'TCP' : 'HTTP'} }, hosts: ["*"] }`,
    ...Object.entries(upstreams).map(
      ([name, ports]) => `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name} }
spec:
  hosts: [${name}.test]
  resolution: STATIC
  ports: [{ number: 80, name: main, protocol: ${protocol} }]
  endpoints:
${[ports]
  .flat()
  .map((at) => `    - { address: 127.0.0.1, ports: { main: ${at} } }`)
  .join('\n')}`,
    ),
  ].join('\n---\n');

/** One VirtualService `NAME` for every host, with `http` rules in YAML. */
export const virtualService = (name: string, http: string, hosts = '["*"]'): string => `
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${name} }
spec:
  hosts: ${hosts}
  gateways: [edge]
  http:
${http
  .trim()
  .split('\n')
  .map((line) => `    ${line}`)
  .join('\n')}
`;
