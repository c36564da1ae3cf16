import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type CliHost, runCli } from '../../../src/cli/program.ts';
import type { FilterSpec } from '../../../src/contract/plugin.ts';
import type { Settings } from '../../../src/settings.ts';

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  /** Settings that `serve` or `demo` was called with. */
  readonly served: Settings | undefined;
}

export interface RunOptions {
  readonly width?: number;
  readonly specs?: readonly FilterSpec[];
}

/** A command line in this very process, without colours. */
export async function run(argv: readonly string[], { width, specs = [] }: RunOptions = {}): Promise<Ran> {
  let [out, err] = ['', ''];
  let served: Settings | undefined;
  const serve = async (settings: Settings): Promise<number> => {
    served = settings;
    return 0;
  };
  const host: CliHost = {
    terminal: {
      out: (text) => {
        out += text;
      },
      err: (text) => {
        err += text;
      },
      width,
      paint: (_style, text) => text,
      paintError: (_style, text) => text,
    },
    version: '1.2.3',
    examples: '/examples',
    serve,
    demo: serve,
    filterSpecs: async () => specs,
  };
  const code = await runCli(argv, host);
  return { code, out, err, served };
}

/** A directory of routes that lives as long as the test. */
export function routesDirectory(files: Readonly<Record<string, string>>): {
  readonly dir: string;
  readonly remove: () => void;
} {
  const dir = mkdtempSync(path.join(tmpdir(), 'banyan-cli-'));
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(dir, file)), { recursive: true });
    writeFileSync(path.join(dir, file), text);
  }
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) };
}

/** A Gateway of the network team, a service with two endpoints, and what leads there. */
export const SHOP: Readonly<Record<string, string>> = {
  'infra/gateway.yaml': `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge }
spec:
  selector: { istio: ingressgateway }
  servers:
    - port: { number: 80, name: http, protocol: HTTP }
      hosts: ["*.example.com"]
`,
  'shop/service.yaml': `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: cart }
spec:
  hosts: [cart.internal]
  ports: [{ number: 8080, name: http, protocol: HTTP }]
  resolution: STATIC
  endpoints: [{ address: 127.10.0.1 }, { address: 127.10.0.2 }]
`,
  'shop/cart.yaml': `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: cart }
spec:
  hosts: [shop.example.com]
  gateways: [infra/edge]
  http:
    - name: preview
      match: [{ headers: { x-preview: { exact: pr-7 } } }]
      directResponse: { status: 418, body: { string: preview } }
    - name: cart
      match: [{ uri: { prefix: /cart/ } }]
      rewrite: { uri: / }
      timeout: 2s
      route: [{ destination: { host: cart.internal, port: { number: 8080 } } }]
    - name: old
      match: [{ uri: { exact: /basket } }]
      redirect: { uri: /cart/ }
`,
};
