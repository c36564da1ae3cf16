import { registerHooks } from 'node:module';

/** Of a URL of one of its own modules. */
const OURS = '/@kubernetes/client-node/dist/';
/** What its configuration imports by name of what was generated, for clients that we never make. */
const NOTHING =
  'data:text/javascript,export const createConfiguration = undefined, ServerConfiguration = undefined, of = undefined;';

/**
 * `KubeConfig` of Kubernetes' own client. With it would come a class for each kind of Kubernetes' API, 50 MB and more than
 * half a second for what nobody asks here; it gets nothing in their place.
 */
export async function loadKubeConfig() {
  const hooks = registerHooks({
    resolve: (specifier, context, next) =>
      specifier.startsWith('./gen/') && context.parentURL?.includes(OURS) === true
        ? { url: NOTHING, format: 'module', shortCircuit: true }
        : next(specifier, context),
  });
  try {
    const { KubeConfig } = await import('@kubernetes/client-node/dist/config.js');
    return new KubeConfig();
  } finally {
    hooks.deregister();
  }
}
