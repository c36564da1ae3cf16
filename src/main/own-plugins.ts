import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import fp from 'fastify-plugin';
import { filterSpecs } from '../../plugins/specs.ts';
import { usageError } from '../cli/terminal.ts';
import type { FilterSpec, GatewayPlugin } from '../contract/index.ts';
import { KINDS } from '../resources/index.ts';

/**
 * The network team's own plugins (`--plugin`), both halves: each a file, or a package that is installed where the gateway
 * is started, whose default export is a `GatewayPlugin`. What is none ends the start, and says why.
 */
export async function loadOwnPlugins(names: readonly string[]): Promise<readonly GatewayPlugin[]> {
  const plugins: GatewayPlugin[] = [];
  for (const name of names) plugins.push(sound(await load(name), name, plugins));
  return plugins;
}

async function load(name: string): Promise<unknown> {
  try {
    const module = (await import(pathToFileURL(resolve(name)).href)) as { readonly default?: unknown };
    return module.default;
  } catch (error) {
    // What follows the first line is where node looked for it.
    throw usageError(`the plugin ${name} cannot be loaded: ${(error as Error).message.split('\n')[0]}`, ABOUT);
  }
}

const ABOUT = 'plugins/README.md tells what a plugin is; --plugin names a file, or a package that is installed here';

function resolve(name: string): string {
  const file = path.resolve(name);
  if (existsSync(file)) return file;
  return createRequire(path.resolve('package.json')).resolve(name);
}

function sound(candidate: unknown, name: string, before: readonly GatewayPlugin[]): GatewayPlugin {
  const mistake = mistakeOf(candidate as Partial<GatewayPlugin> | undefined, before);
  if (mistake !== undefined) throw usageError(`the plugin ${name} is not sound: ${mistake}`, ABOUT);
  const { spec, plugin } = candidate as GatewayPlugin;
  // Its filter is contributed to the gateway, so it must not be kept to a context of its own; authors need not know of that.
  return { spec, plugin: fp(plugin, { name: `own-${spec.name}` }) };
}

function mistakeOf(
  candidate: Partial<GatewayPlugin> | undefined,
  before: readonly GatewayPlugin[],
): string | undefined {
  if (typeof candidate !== 'object' || candidate === null) return 'its default export is no object';
  const spec: Partial<FilterSpec> | undefined = candidate.spec;
  if (typeof candidate.plugin !== 'function') return "'plugin' is no function";
  if (typeof spec?.name !== 'string' || !/^[a-z][a-z0-9-]{0,62}$/.test(spec.name))
    return "'spec.name' is no name in small letters, digits and dashes";
  const name = spec.name;
  if ([...filterSpecs, ...before.map((plugin) => plugin.spec)].some((other) => other.name === name))
    return `there is a filter '${name}' already`;
  if (!Array.isArray(spec.kinds)) return "'spec.kinds' is no list; write [] where it reads no policies";
  const unknown = spec.kinds.find((kind) => !Object.hasOwn(KINDS, kind));
  if (unknown !== undefined) return `'spec.kinds' has ${unknown}, which is no kind that the gateway reads`;
  for (const half of ['compileWorkload', 'compileRoute', 'foresee'] as const)
    if (spec[half] !== undefined && typeof spec[half] !== 'function') return `'spec.${half}' is no function`;
  return undefined;
}
