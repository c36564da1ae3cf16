import type { RequestOptions } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import { type Clock, systemClock } from '../../kernel/clock.ts';
import { reasonOf } from '../../kernel/reason-of.ts';
import { loadKubeConfig } from './client-node.ts';
import { isObject } from './raw.ts';
import { TokenFile } from './token-file.ts';

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
export async function loadAccess(kubeconfig: string | undefined, clock: Clock = systemClock): Promise<ApiAccess> {
  const read = async (): Promise<Loaded> => {
    const config = await loadKubeConfig();
    try {
      if (kubeconfig === undefined) config.loadFromDefault();
      else config.loadFromFile(kubeconfig);
    } catch (error) {
      throw new Error(`${named(kubeconfig)} cannot be read: ${reasonOf(error)}`);
    }
    const server = serverOf(config.getCurrentCluster(), kubeconfig);
    const tokenFile = takeTokenFile(config, clock);
    // What is wrong with credentials for good is told now, and not as an API server that is away.
    await credentialsOf(config, tokenFile).catch((error: Error) => {
      throw new Error(`${named(kubeconfig)} cannot be used: ${error.message}`);
    });
    const namespace = config.getContextObject(config.getCurrentContext())?.namespace ?? 'default';
    return { config, tokenFile, server, namespace };
  };
  let loaded = await read();
  const { server, namespace } = loaded;
  return {
    server,
    namespace,
    credentials: () => credentialsOf(loaded.config, loaded.tokenFile),
    async refused() {
      const next = await read().catch(() => undefined);
      if (next?.server === server) loaded = next;
    },
  };
}

const named = (kubeconfig: string | undefined): string =>
  kubeconfig === undefined ? 'the kubeconfig (of KUBECONFIG, or ~/.kube/config)' : `the kubeconfig ${kubeconfig}`;

interface Loaded {
  readonly config: Configuration;
  readonly tokenFile: TokenFile | undefined;
  readonly server: string;
  readonly namespace: string;
}

function serverOf(
  cluster: { readonly server: string; readonly proxyUrl?: string } | null,
  kubeconfig: string | undefined,
): string {
  if (cluster === null) throw new Error(`${named(kubeconfig)} has no current context`);
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

/**
 * The current user's, a Pod's ServiceAccount's among them. Read by us: the client fails all requests while the file cannot be read,
 * and takes the line feed at its end for a part of the token.
 */
function takeTokenFile(config: KubeConfig, clock: Clock): TokenFile | undefined {
  const user = config.getCurrentUser();
  const provider: unknown = user?.authProvider;
  if (user === null || !(isObject(provider) && isObject(provider['config']))) return undefined;
  const { tokenFile } = provider['config'];
  if (typeof tokenFile !== 'string') return undefined;
  const { authProvider: _, token, ...rest } = user;
  config.users = config.users.map((one) => (one === user ? rest : one));
  return new TokenFile(tokenFile, clock, token);
}

async function credentialsOf(config: Configuration, tokenFile: TokenFile | undefined): Promise<Credentials> {
  const options: RequestOptions = {};
  await config.applyToHTTPSOptions(options);
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.headers ?? {}))
    if (typeof value === 'string') headers[name.toLowerCase()] = value;
  if (typeof options.auth === 'string')
    headers['authorization'] = `Basic ${Buffer.from(options.auth).toString('base64')}`;
  if (tokenFile !== undefined) headers['authorization'] = `Bearer ${await tokenFile.token()}`;
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
