import type { Compilation } from '../compiler/compilation.ts';
import { createCompiler } from '../compiler/index.ts';
import type { FilterSpec } from '../contract/plugin.ts';
import { compileIsolated } from '../control/isolation.ts';
import { type Diagnostic, report } from '../diagnostics/index.ts';
import type { DecodedMeshConfig, ResourceSet } from '../resources/index.ts';
import type { Settings } from '../settings.ts';
import { decodeFile } from '../sources/decode-file.ts';
import { type DirectoryOptions, readDirectory } from '../sources/directory.ts';
import { readMeshConfig } from '../sources/mesh-file.ts';
import type { CliHost } from './program.ts';
import { usageError } from './terminal.ts';

/** A directory of routes, and what it comes to. */
export interface LoadedRoutes {
  readonly dir: string;
  readonly resources: ResourceSet;
  readonly compilation: Compilation;
  /** Of reading and of compiling. */
  readonly diagnostics: readonly Diagnostic[];
  readonly specs: readonly FilterSpec[];
}

export const directoryOptions = ({ dir, maxFileMib }: Settings): DirectoryOptions => ({
  directory: dir as string,
  decode: decodeFile,
  maxFileBytes: maxFileMib * 1_048_576,
});

/** MeshConfig as the settings name it. */
export const loadMesh = ({ meshConfig, clusterDomain }: Settings): Promise<DecodedMeshConfig> =>
  readMeshConfig(meshConfig, clusterDomain).catch((error: Error) => {
    throw usageError(error.message, 'see --mesh-config');
  });

/** Reads and compiles everything once, as the gateway would. */
export async function loadRoutes(
  settings: Settings,
  host: CliHost,
  include: readonly string[] = [],
): Promise<LoadedRoutes> {
  const specs = await host.filterSpecs();
  const mesh = await loadMesh(settings);
  const { gatewayLabels, gatewayNamespace } = settings;
  const compiler = createCompiler({ gatewayLabels, gatewayNamespace, mesh: mesh.settings, filters: specs });
  const options = { ...directoryOptions(settings), include };
  const snapshot = await readDirectory(options).catch((error: Error) => {
    throw usageError(
      error.message,
      'name the directory that holds a folder for each namespace: DIR/<namespace>/*.yaml',
    );
  });
  const { compilation, heldBack } = compileIsolated(
    (resources) => compiler.compile(resources),
    snapshot.resources,
    undefined,
  );
  const ours = heldBack.map(({ namespace, error }) =>
    report('namespace-held-back', {
      message: `namespace '${namespace}' could not be compiled: ${error.message}`,
      refused: true,
    }),
  );
  const diagnostics = [...mesh.diagnostics, ...snapshot.diagnostics, ...ours, ...compilation.diagnostics];
  return { dir: options.directory, resources: snapshot.resources, compilation, diagnostics, specs };
}
