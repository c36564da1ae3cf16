import { createCompiler } from '../../../src/compiler/index.ts';
import type { FilterSpec } from '../../../src/contract/plugin.ts';
import type { ControlState } from '../../../src/control/reconciler.ts';
import { DEFAULT_MESH_SETTINGS, resourceSet } from '../../../src/resources/index.ts';
import { decodeFile } from '../../../src/sources/decode-file.ts';
import { mergeFiles } from '../../../src/sources/merge.ts';

/** The state that these files come to, as the gateway would hold it. */
export function stateOf(files: Readonly<Record<string, string>>, specs: readonly FilterSpec[] = []): ControlState {
  const shares = Object.entries(files).map(([file, text]) => {
    const namespace = file.split('/')[0];
    return {
      file,
      namespace,
      content: { ...decodeFile({ file, text, namespace }, undefined), refusals: [] },
      kept: [],
      frozenSinceMs: undefined,
    };
  });
  const merged = mergeFiles(shares);
  const resources = resourceSet(merged.objects);
  const compilation = createCompiler({
    gatewayLabels: { istio: 'ingressgateway' },
    gatewayNamespace: 'istio-system',
    mesh: DEFAULT_MESH_SETTINGS,
    filters: specs,
  }).compile(resources);
  return {
    compilation,
    resources,
    diagnostics: [...merged.diagnostics, ...compilation.diagnostics],
    frozen: [],
    heldBack: [],
    publishedAtMs: 1_000,
    compileMs: 5,
    generation: 1,
  };
}
