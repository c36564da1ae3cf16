import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import path from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import { parse } from 'yaml';
import { isObject } from './raw.ts';

/** Of a URL of one of its own modules. */
const OURS = '/@kubernetes/client-node/dist/';
/** What its configuration imports by name of what was generated, for clients that we never make. */
const NOTHING =
  'data:text/javascript,export const createConfiguration = undefined, ServerConfiguration = undefined, of = undefined;';

type KubeConfigClass = typeof KubeConfig;
let loading: Promise<KubeConfigClass> | undefined;

/**
 * `KubeConfig` of Kubernetes' own client. With it would come a class for each kind of Kubernetes' API, 50 MB and more than
 * half a second for what nobody asks here; it gets nothing in their place.
 */
export async function loadKubeConfig(): Promise<KubeConfig> {
  loading ??= load();
  return new (await loading)();
}

async function load(): Promise<KubeConfigClass> {
  const hooks = registerHooks({
    resolve: (specifier, context, next) =>
      specifier.startsWith('./gen/') && context.parentURL?.includes(OURS) === true
        ? { url: NOTHING, format: 'module', shortCircuit: true }
        : next(specifier, context),
  });
  try {
    const { KubeConfig } = await import('@kubernetes/client-node/dist/config.js');
    readTokenFiles(KubeConfig);
    return KubeConfig;
  } finally {
    hooks.deregister();
  }
}

/**
 * A kubeconfig's `tokenFile` is unknown to it: it looks for `token-file`, and reads that once. In the class itself, since of
 * a KUBECONFIG with several files it makes one object each, without asking us.
 */
function readTokenFiles({ prototype }: KubeConfigClass): void {
  const { loadFromFile } = prototype;
  prototype.loadFromFile = function (this: KubeConfig, file, options) {
    loadFromFile.call(this, file, options);
    const tokenFiles = tokenFilesOf(file);
    this.users = this.users.map((user) => {
      const tokenFile = tokenFiles.get(user.name);
      // It counts before what else there is, as in client-go, where the first to set the header is heard.
      return tokenFile === undefined ? user : { ...user, exec: undefined, authProvider: tokenFileProvider(tokenFile) };
    });
  };
}

/** As the client itself says it of a Pod's ServiceAccount. */
const tokenFileProvider = (tokenFile: string): unknown => ({ name: 'tokenFile', config: { tokenFile } });

/** By the user's name. Relative paths are the kubeconfig's. */
function tokenFilesOf(kubeconfig: string): ReadonlyMap<string, string> {
  const content: unknown = parse(readFileSync(kubeconfig, 'utf8'));
  const users = isObject(content) && Array.isArray(content['users']) ? (content['users'] as readonly unknown[]) : [];
  const found = new Map<string, string>();
  for (const one of users) {
    if (!(isObject(one) && isObject(one['user']))) continue;
    const { tokenFile } = one['user'];
    if (typeof tokenFile === 'string' && tokenFile !== '')
      found.set(String(one['name']), path.resolve(path.dirname(kubeconfig), tokenFile));
  }
  return found;
}
