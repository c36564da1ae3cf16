import { statSync } from 'node:fs';
import path from 'node:path';
import type { Compilation } from '../compiler/compilation.ts';
import { createCompiler, timelyFindings } from '../compiler/index.ts';
import type { FilterSpec } from '../contract/plugin.ts';
import { type Compile, compileIsolated, type IsolatedCompilation } from '../control/isolation.ts';
import { type Diagnostic, report } from '../diagnostics/index.ts';
import { systemClock } from '../kernel/clock.ts';
import type { DecodedMeshConfig, MeshSettings, ResourceSet } from '../resources/index.ts';
import type { Settings } from '../settings.ts';
import { combineSnapshots } from '../sources/combine.ts';
import { decodeFile } from '../sources/decode-file.ts';
import { type DirectoryOptions, readDirectory } from '../sources/directory.ts';
import { readMeshConfig } from '../sources/mesh-file.ts';
import type { SourceSnapshot } from '../sources/source.ts';
import { credentialFindings } from './credential-findings.ts';
import type { CliHost } from './program.ts';
import { CliError, usageError } from './terminal.ts';

/** All routes there are to read, and what they come to. */
export interface LoadedRoutes {
  /** undefined: they are a cluster's alone. */
  readonly dir: string | undefined;
  /** For messages: the directory, the cluster, or both. */
  readonly place: string;
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
  const specs = await host.filterSpecs(settings);
  const mesh = await loadMesh(settings);
  const { gatewayLabels, gatewayNamespace } = settings;
  const compile = { gatewayLabels, gatewayNamespace, mesh: mesh.settings, filters: specs };
  const compiler = createCompiler(compile);
  const snapshot = await readSources(settings, mesh.settings, include);
  const { compilation, heldBack } = compiled((resources) => compiler.compile(resources), snapshot.resources);
  const ours = heldBack.map(({ namespace, error }) =>
    report('namespace-held-back', {
      message: `namespace '${namespace}' could not be compiled: ${error.message}`,
      refused: true,
    }),
  );
  const timely = timelyFindings(snapshot.resources, compile, systemClock.nowMs());
  const diagnostics = [
    ...mesh.diagnostics,
    ...snapshot.diagnostics,
    ...ours,
    ...compilation.diagnostics,
    ...timely.diagnostics,
    ...credentialFindings(compilation, snapshot.resources, systemClock.nowMs()),
  ];
  const { dir, kubernetes } = settings;
  const place = [dir, kubernetes ? 'the cluster' : undefined].filter((one) => one !== undefined).join(' and ');
  return { dir, place, resources: snapshot.resources, compilation, diagnostics, specs };
}

/** What throws on no routes at all is a plugin of the network team's own, or ours. */
function compiled(compile: Compile, resources: ResourceSet): IsolatedCompilation {
  try {
    return compileIsolated(compile, resources, undefined);
  } catch (error) {
    throw new CliError(`nothing can be compiled: ${(error as Error).message}`, { exitCode: 2 });
  }
}

/** As the walk calls it. One that is not there would be passed over without a word. */
function folderIn(dir: string, folder: string): string {
  const name = path.posix.normalize(folder).replace(/\/$/, '');
  if (statSync(path.join(dir, name), { throwIfNoEntry: false })?.isDirectory() === true) return name;
  throw usageError(
    `--include: there is no folder '${folder}' in ${dir}`,
    'write it as it is called below the directory',
  );
}

/** Everything there is to read, once. */
async function readSources(
  settings: Settings,
  mesh: MeshSettings,
  include: readonly string[],
): Promise<SourceSnapshot> {
  const snapshots: SourceSnapshot[] = [];
  const { dir } = settings;
  if (dir !== undefined) {
    const folders = include.map((folder) => folderIn(dir, folder));
    const directory = readDirectory({ ...directoryOptions(settings), include: folders });
    snapshots.push(
      await directory.catch((error: Error) => {
        throw usageError(
          error.message,
          'name the directory that holds a folder for each namespace: DIR/<namespace>/*.yaml',
        );
      }),
    );
  }
  if (settings.kubernetes) {
    const { readCluster } = await import('./cluster.ts');
    snapshots.push(await readCluster(settings, mesh));
  }
  return combineSnapshots(snapshots);
}
