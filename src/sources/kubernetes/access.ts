import type { RequestOptions } from 'node:https';
import { loadKubeConfig } from './client-node.ts';

/** What a connection to the API server is made with. */
export interface TlsMaterial {
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly servername: string | undefined;
  /** false only where the kubeconfig says `insecure-skip-tls-verify`. */
  readonly rejectUnauthorized: boolean;
}

export interface Credentials {
  readonly tls: TlsMaterial;
  /** `authorization`, where a token or a password is used. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Where the API server is, and who we are to it. */
export interface ApiAccess {
  /** With a path, where it lies behind a proxy: `https://proxy/k8s/clusters/c1`. */
  readonly server: string;
  /** Where objects are looked for that name no namespace. */
  readonly namespace: string;
  /** Asked before each request: tokens are rotated while we run. */
  credentials(): Promise<Credentials>;
  /** They were refused: what they are made of is read anew, which is otherwise done once a minute or not at all. */
  refused(): Promise<void>;
}

/**
 * Reads a kubeconfig, or finds out what the process is given: KUBECONFIG, ~/.kube/config, a ServiceAccount in a Pod.
 * Kubernetes' own client does that, and is loaded only now.
 */
export async function loadAccess(kubeconfig: string | undefined): Promise<ApiAccess> {
  const read = async (): Promise<Loaded> => {
    const config = await loadKubeConfig();
    try {
      if (kubeconfig === undefined) config.loadFromDefault();
      else config.loadFromFile(kubeconfig);
    } catch (error) {
      throw new Error(`the kubeconfig ${kubeconfig ?? ''} cannot be read: ${(error as Error).message}`);
    }
    const server = serverOf(config.getCurrentCluster(), kubeconfig);
    // What is wrong with credentials for good is told now, and not as an API server that is away.
    await credentialsOf(config).catch((error: Error) => {
      throw new Error(`the kubeconfig ${kubeconfig ?? ''} cannot be used: ${error.message}`);
    });
    return { config, server, namespace: config.getContextObject(config.getCurrentContext())?.namespace ?? 'default' };
  };
  let loaded = await read();
  const { server, namespace } = loaded;
  return {
    server,
    namespace,
    credentials: () => credentialsOf(loaded.config),
    async refused() {
      const next = await read().catch(() => undefined);
      if (next?.server === server) loaded = next;
    },
  };
}

interface Loaded {
  readonly config: Configuration;
  readonly server: string;
  readonly namespace: string;
}

function serverOf(
  cluster: { readonly server: string; readonly proxyUrl?: string } | null,
  kubeconfig: string | undefined,
): string {
  if (cluster === null) throw new Error(`the kubeconfig ${kubeconfig ?? ''} has no current context`);
  if (kubeconfig === undefined && cluster.server === NOTHING_FOUND)
    throw new Error('no cluster is configured: there is neither a kubeconfig nor a ServiceAccount');
  if (cluster.proxyUrl !== undefined) throw new Error('a kubeconfig with proxy-url is not supported');
  return cluster.server.replace(/\/+$/, '');
}

/** What client-node assumes where it finds nothing. */
const NOTHING_FOUND = 'http://localhost:8080';

interface Configuration {
  applyToHTTPSOptions(options: RequestOptions): Promise<void>;
}

async function credentialsOf(config: Configuration): Promise<Credentials> {
  const options: RequestOptions = {};
  await config.applyToHTTPSOptions(options);
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.headers ?? {}))
    if (typeof value === 'string') headers[name.toLowerCase()] = value;
  if (typeof options.auth === 'string')
    headers['authorization'] = `Basic ${Buffer.from(options.auth).toString('base64')}`;
  return {
    headers,
    tls: {
      ca: pem(options.ca),
      cert: pem(options.cert),
      key: pem(options.key),
      servername: options.servername,
      rejectUnauthorized: options.rejectUnauthorized !== false,
    },
  };
}

const pem = (value: unknown): string | undefined =>
  typeof value === 'string' ? value : Buffer.isBuffer(value) ? value.toString('utf8') : undefined;
