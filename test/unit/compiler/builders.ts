import type { Compilation, CompileOptions } from '../../../src/compiler/compilation.ts';
import { compile } from '../../../src/compiler/index.ts';
import type { Diagnostic } from '../../../src/diagnostics/index.ts';
import type { ForwardAction, Route, VirtualHost } from '../../../src/table/index.ts';
import { compileOptions, resourcesOf } from '../../support/resources.ts';

/* Small worlds: documents are written as flow mappings and joined, by namespace. */

export const documents = (...texts: readonly string[]): string => texts.join('\n---\n');

let port = 0;

export const gateway = (name: string, servers: string, extra = ''): string => `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: ${name}${extra} }
spec: { selector: { istio: ingressgateway }, servers: [${servers}] }`;

/** `hosts`: as in YAML, such as `a.example.com, b.example.com`. */
export const http = (number: number, hosts: string, extra = ''): string =>
  `{ port: { number: ${number}, name: p${++port}, protocol: HTTP }, hosts: [${hosts}]${extra} }`;

export const https = (number: number, hosts: string, mode = 'SIMPLE', protocol = 'HTTPS'): string =>
  `{ port: { number: ${number}, name: p${++port}, protocol: ${protocol} }, hosts: [${hosts}], tls: { mode: ${mode}${
    mode.includes('PASSTHROUGH') ? '' : ', credentialName: cert'
  } } }`;

export const tcp = (number: number, hosts: string): string =>
  `{ port: { number: ${number}, name: p${++port}, protocol: TCP }, hosts: [${hosts}] }`;

/** Of the namespace's own service `web`, unless `spec` says otherwise. */
export const virtualService = (name: string, spec: string, metadata = ''): string => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${name}${metadata} }
spec: { ${spec} }`;

export const TO_WEB = 'route: [{ destination: { host: web } }]';

export const service = (name: string, ports = '{ name: http, port: 80 }'): string => `
apiVersion: v1
kind: Service
metadata: { name: ${name} }
spec: { ports: [${ports}] }`;

export const compileYaml = (
  yaml: string | Readonly<Record<string, string>>,
  options: Partial<CompileOptions> = {},
): Compilation => compile(resourcesOf(yaml), compileOptions(options));

/** The world that most tests need: a Gateway for `*.example.com` on 80 in `infra`, a service `web` in `shop`. */
export const compileShop = (
  shop: readonly string[],
  options: Partial<CompileOptions> = {},
  others: Readonly<Record<string, string>> = {},
): Compilation =>
  compileYaml(
    {
      infra: gateway('public', http(80, "'*.example.com'")),
      shop: documents(service('web'), ...shop),
      ...others,
    },
    options,
  );

export function hostOf(compilation: Compilation, domain: string, routeConfig = 'http.80'): VirtualHost | undefined {
  const config = compilation.table.routeConfigs.find(({ name }) => name === routeConfig);
  return config?.virtualHosts.find((host) => host.domain === domain);
}

export const routesOf = (compilation: Compilation, domain: string, routeConfig = 'http.80'): readonly Route[] =>
  hostOf(compilation, domain, routeConfig)?.routes ?? [];

export const idsOf = (compilation: Compilation, domain: string, routeConfig = 'http.80'): readonly string[] =>
  routesOf(compilation, domain, routeConfig).map(({ id }) => id);

/** The first route of a host, which has to forward. */
export function forwardOf(compilation: Compilation, domain: string): ForwardAction {
  const [route] = routesOf(compilation, domain);
  if (route?.action.kind !== 'forward') throw new Error(`no forwarding route on ${domain}`);
  return route.action;
}

export const findings = (compilation: Compilation, code: string): readonly Diagnostic[] =>
  compilation.diagnostics.filter((finding) => finding.code === code);

/** `code kind/name`, for whole lists of findings. */
export const told = ({ diagnostics }: Compilation): readonly string[] =>
  diagnostics.map(({ code, object }) => `${code} ${object?.kind}/${object?.name}`);

export const stateOf = ({ statuses }: Compilation, kind: string, name: string): string | undefined =>
  statuses.find(({ object }) => object.kind === kind && object.name === name)?.state;
