import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { listening, type Program, start } from './process.ts';

const root = path.resolve(import.meta.dirname, '../../..');
export const BANYAN = path.join(root, 'bin/banyan.js');
export const PROGRAMS = path.resolve(import.meta.dirname, '../programs');

/** A folder of this run alone. */
export const workspace = mkdtempSync(path.join(tmpdir(), 'banyan-bench-'));
process.on('exit', () => rmSync(workspace, { recursive: true, force: true }));

/** Written in one step: whoever watches never sees half a file. */
export function write(file: string, text: string): string {
  const at = path.join(workspace, file);
  mkdirSync(path.dirname(at), { recursive: true });
  writeFileSync(`${at}~`, text);
  renameSync(`${at}~`, at);
  return at;
}

let pair: { readonly certificate: string; readonly key: string; readonly both: string } | undefined;

/** A certificate for the proxies, P-256. */
export function certificate(): { readonly certificate: string; readonly key: string; readonly both: string } {
  if (pair !== undefined) return pair;
  const [certificateFile, key] = ['tls.crt', 'tls.key'].map((file) => path.join(workspace, file)) as [string, string];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
  const rest = ['-nodes', '-days', '2', '-subj', '/CN=bench.test', '-addext', 'subjectAltName=DNS:bench.test'];
  execFileSync('openssl', ['req', '-x509', ...curve, ...rest, '-keyout', key, '-out', certificateFile], {
    stdio: 'ignore',
  });
  const both = write('tls.pem', readFileSync(certificateFile, 'utf8') + readFileSync(key, 'utf8'));
  pair = { certificate: certificateFile, key, both };
  return pair;
}

export interface ServeOptions {
  readonly name: string;
  /** Within the workspace. */
  readonly directory: string;
  /** Where a Gateway listens, to know when it serves. */
  readonly port: number;
  readonly core?: number | undefined;
  readonly settings?: readonly string[];
}

/** The product as its users start it. */
export async function serveBanyan({ name, directory, port, core, settings = [] }: ServeOptions): Promise<Program> {
  const program = start(name, core, [
    process.execPath,
    BANYAN,
    'serve',
    '--dir',
    path.join(workspace, directory),
    ...['--listen-address', '127.0.0.1', '--admin-port', '0', '--log-level', 'warn', ...settings],
  ]);
  await listening(program, port);
  return program;
}

/** A Gateway for every host on a port. */
export const gatewayYaml = (ports: { readonly http: number; readonly https?: number | undefined }): string => `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge }
spec:
  selector: { istio: ingressgateway }
  servers:
    - { port: { number: ${ports.http}, name: http, protocol: HTTP }, hosts: ["*"] }
${
  ports.https === undefined
    ? ''
    : `    - port: { number: ${ports.https}, name: https, protocol: HTTPS }
      hosts: ["*"]
      tls: { mode: SIMPLE, serverCertificate: ${certificate().certificate}, privateKey: ${certificate().key} }`
}
`;

/** A service at a loopback port, known as `NAME.test`. */
export const serviceYaml = (name: string, port: number, protocol: 'HTTP' | 'GRPC' = 'HTTP'): string => `---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name} }
spec:
  hosts: [${name}.test]
  resolution: STATIC
  ports: [{ number: 80, name: main, protocol: ${protocol} }]
  endpoints: [{ address: 127.0.0.1, ports: { main: ${port} } }]
`;

export const routesYaml = (name: string, hosts: string, rules: string): string => `---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${name} }
spec:
  hosts: [${hosts}]
  gateways: [platform/edge]
  http:
${rules}
`;
