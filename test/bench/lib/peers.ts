import path from 'node:path';
import { freePort } from '../../support/free-port.ts';
import { login, policiesYaml, policyHeaders } from './policies.ts';
import { has, listening, type Program, start, versionOf } from './process.ts';
import {
  certificate,
  gatewayYaml,
  PROGRAMS,
  routesYaml,
  serveBanyan,
  serviceYaml,
  workspace,
  write,
} from './workspace.ts';

export type Protocol = 'h1' | 'tls' | 'h2c' | 'grpc';

/** A proxy that runs, before the same upstream as all others. */
export interface Peer {
  readonly name: string;
  readonly program: Program;
  readonly ports: Partial<Readonly<Record<Protocol, number>>>;
  /** Sent to it besides. */
  readonly headers?: Readonly<Record<string, string>>;
}

const PROXY_CORE = 0;
const LOAD_CORE = 1;
/** The path of the route that is asked for: in the middle of its kind. */
export const askedPrefix = (routes: number): string => `/svc-${pad(Math.floor(routes / 2))}`;
const pad = (index: number): string => String(index).padStart(5, '0');
const prefixes = (routes: number): readonly string[] => Array.from({ length: routes }, (_, i) => `/svc-${pad(i)}/`);
const BODIES = { small: 128, large: 16 * 1_024 };

/** Files `/svc-…/small` and `/svc-…/large` whatever the route: the cheapest server there is on the machine. */
export async function startUpstream(): Promise<number> {
  const port = await freePort();
  for (const [name, size] of Object.entries(BODIES)) write(`www/${name}`, 'x'.repeat(size));
  if (!has('nginx')) {
    const program = start('the upstream', LOAD_CORE, [
      process.execPath,
      path.join(PROGRAMS, 'upstream.ts'),
      String(port),
    ]);
    await listening(program, port);
    return port;
  }
  const config = nginxConfig(
    'upstream',
    `open_file_cache max=10 inactive=1h;
  server {
    listen 127.0.0.1:${port} reuseport;
    location ~ /small$ { return 200 "${'x'.repeat(BODIES.small)}"; }
    location ~ /large$ { rewrite .* /large break; root ${path.join(workspace, 'www')}; }
  }`,
  );
  const program = start('the upstream', LOAD_CORE, ['nginx', '-e', 'stderr', '-c', config], 'SIGTERM');
  await listening(program, port);
  return port;
}

/** Answers every call with a message and a status, over HTTP/2; undefined: nothing here can. */
export async function startGrpcUpstream(): Promise<number | undefined> {
  if (!has('nginx')) return undefined;
  const port = await freePort();
  const config = nginxConfig(
    'grpc-upstream',
    `server {
    listen 127.0.0.1:${port} http2 reuseport;
    location / { default_type application/grpc; add_trailer grpc-status 0; return 200 "as long as a short message"; }
  }`,
  );
  const program = start('the gRPC upstream', LOAD_CORE, ['nginx', '-e', 'stderr', '-c', config], 'SIGTERM');
  await listening(program, port);
  return port;
}

function nginxConfig(name: string, http: string): string {
  const places = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path ${path.join(workspace, `${name}-${kind}`)};`)
    .join(' ');
  return write(
    `${name}.conf`,
    `daemon off; user root root; worker_processes 1; pid ${path.join(workspace, `${name}.pid`)}; error_log stderr crit;
events { worker_connections 4096; }
http {
  access_log off; keepalive_requests 1000000000; tcp_nodelay on; ${places}
  ${http}
}
`,
  );
}

export async function startNginx(upstream: number, routes: number, grpc?: number): Promise<Peer | string> {
  if (!has('nginx')) return 'nginx is not installed; left out, and with it the ratios to it';
  const ports = { h1: await freePort(), tls: await freePort(), h2c: await freePort() };
  const grpcPort = grpc === undefined ? undefined : await freePort();
  const grpcServer =
    grpcPort === undefined
      ? ''
      : `upstream calls { server 127.0.0.1:${grpc}; keepalive 256; keepalive_requests 1000000000; }
  server { listen 127.0.0.1:${grpcPort} http2; http2_max_concurrent_streams 1000; location / { grpc_pass grpc://calls; } }`;
  const { certificate: file, key } = certificate();
  const locations = prefixes(routes).map((prefix) => `location ${prefix} { proxy_pass http://up; }`);
  const body = `proxy_http_version 1.1; proxy_set_header Connection ""; ${locations.join('\n')}`;
  const config = nginxConfig(
    `nginx-${routes}`,
    `upstream up { server 127.0.0.1:${upstream}; keepalive 256; keepalive_requests 1000000000; }
  server { listen 127.0.0.1:${ports.h1}; ${body} }
  server { listen 127.0.0.1:${ports.tls} ssl; ssl_certificate ${file}; ssl_certificate_key ${key}; ${body} }
  server { listen 127.0.0.1:${ports.h2c} http2; http2_max_concurrent_streams 1000; ${body} }
  ${grpcServer}`,
  );
  const program = start('nginx', PROXY_CORE, ['nginx', '-e', 'stderr', '-c', config], 'SIGTERM');
  await listening(program, ports.h2c);
  return { name: 'nginx', program, ports: { ...ports, ...(grpcPort !== undefined && { grpc: grpcPort }) } };
}

export async function startHaproxy(upstream: number, grpc?: number): Promise<Peer | string> {
  if (!has('haproxy')) return 'haproxy is not installed; left out';
  const ports = { h1: await freePort(), tls: await freePort(), h2c: await freePort() };
  const grpcPort = grpc === undefined ? undefined : await freePort();
  const config = write(
    'haproxy.cfg',
    `global
  nbthread 1
  maxconn 4096
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  option http-keep-alive
frontend all
  bind 127.0.0.1:${ports.h1}
  bind 127.0.0.1:${ports.tls} ssl crt ${certificate().both}
  bind 127.0.0.1:${ports.h2c} proto h2
  default_backend up
backend up
  http-reuse always
  server one 127.0.0.1:${upstream}
${
  grpcPort === undefined
    ? ''
    : `frontend calls
  bind 127.0.0.1:${grpcPort} proto h2
  default_backend grpc
backend grpc
  http-reuse always
  server one 127.0.0.1:${grpc} proto h2
`
}`,
  );
  const program = start('haproxy', PROXY_CORE, ['haproxy', '-db', '-f', config]);
  await listening(program, ports.h1);
  return { name: 'haproxy', program, ports: { ...ports, ...(grpcPort !== undefined && { grpc: grpcPort }) } };
}

export async function startHttpProxy(upstream: number): Promise<Peer> {
  const h1 = await freePort();
  const script = path.join(PROGRAMS, 'http-proxy.ts');
  const program = start('@fastify/http-proxy', PROXY_CORE, [process.execPath, script, String(h1), String(upstream)]);
  await listening(program, h1);
  return { name: '@fastify/http-proxy', program, ports: { h1 } };
}

export async function startEnvoy(upstream: number): Promise<Peer | string> {
  const binary = process.env['ENVOY'];
  if (binary === undefined) return 'Envoy is left out: ENVOY names no binary';
  const ports = { h1: await freePort(), h2c: await freePort() };
  const manager = {
    '@type': 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    stat_prefix: 'bench',
    http_filters: [
      {
        name: 'router',
        typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
      },
    ],
    route_config: {
      virtual_hosts: [{ name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster: 'up' } }] }],
    },
  };
  const address = (port: number) => ({ socket_address: { address: '127.0.0.1', port_value: port } });
  const listener = (port: number) => ({
    address: address(port),
    filter_chains: [{ filters: [{ name: 'http', typed_config: manager }] }],
  });
  const endpoint = { endpoint: { address: address(upstream) } };
  const cluster = {
    name: 'up',
    type: 'STATIC',
    load_assignment: { cluster_name: 'up', endpoints: [{ lb_endpoints: [endpoint] }] },
  };
  const listeners = Object.values(ports).map(listener);
  const config = write('envoy.json', JSON.stringify({ static_resources: { listeners, clusters: [cluster] } }));
  const program = start('envoy', PROXY_CORE, [binary, '--concurrency', '1', '--log-level', 'error', '-c', config]);
  await listening(program, ports.h1);
  return { name: 'envoy', program, ports };
}

const BANYAN_SETTINGS = ['--workers', '1', '--access-log-file', '/dev/null'];

/** As it is run in earnest, but by one process, and with its log to nowhere: every shared concern that is always on. */
export async function startBanyan(
  upstream: number,
  routes: number,
  { grpc, fastLane = true }: { readonly grpc?: number | undefined; readonly fastLane?: boolean } = {},
): Promise<Peer> {
  const ports = { h1: await freePort(), tls: await freePort() };
  const directory = `banyan-${routes}${fastLane ? '' : '-fastify'}`;
  const calls =
    grpc === undefined
      ? ''
      : serviceYaml('calls', grpc, 'GRPC') +
        routesYaml('calls', '"grpc.test"', '    - { route: [{ destination: { host: calls.test } }], timeout: 10s }');
  write(
    `${directory}/platform/gateway.yaml`,
    gatewayYaml({ http: ports.h1, https: ports.tls }) + serviceYaml('web', upstream) + calls,
  );
  const all = prefixes(routes);
  for (let i = 0; i < all.length; i += 100)
    write(
      `${directory}/team-${i / 100}/routes.yaml`,
      routesYaml(
        `routes-${i / 100}`,
        '"bench.test"',
        all
          .slice(i, i + 100)
          .map(
            (prefix) =>
              `    - { match: [{ uri: { prefix: ${prefix} } }], route: [{ destination: { host: web.test } }], timeout: 10s }`,
          )
          .join('\n'),
      ),
    );
  const name = fastLane ? 'banyan' : 'banyan, fast lane off';
  const settings = [...BANYAN_SETTINGS, '--fast-lane', fastLane ? 'yes' : 'no'];
  const program = await serveBanyan({ name, directory, port: ports.h1, core: PROXY_CORE, settings });
  if (!fastLane) return { name, program, ports: { h1: ports.h1 } };
  return { name, program, ports: { ...ports, h2c: ports.h1, ...(grpc !== undefined && { grpc: ports.h1 }) } };
}

/** The same with a policy for every shared concern: the most that a request is ever asked. */
export async function startBanyanWithPolicies(upstream: number): Promise<Peer> {
  const name = 'banyan, every policy';
  const h1 = await freePort();
  const { token, jwks } = await login();
  write('banyan-policies/istio-system/all.yaml', gatewayYaml({ http: h1 }) + policiesYaml(upstream, jwks));
  const directory = 'banyan-policies';
  const program = await serveBanyan({ name, directory, port: h1, core: PROXY_CORE, settings: BANYAN_SETTINGS });
  return { name, program, ports: { h1 }, headers: policyHeaders(token) };
}

export const versions = (): string =>
  [
    `Node ${process.versions.node}`,
    ...(has('nginx') ? [`nginx ${versionOf('nginx', '-v')}`] : []),
    ...(has('haproxy') ? [`HAProxy ${versionOf('haproxy', '-v')}`] : []),
  ].join(', ');
