import { readFile, stat } from 'node:fs/promises';
import { report } from '../diagnostics/index.ts';
import { reasonOf } from '../kernel/reason-of.ts';
import { type DecodedMeshConfig, decodeMeshConfig } from '../resources/index.ts';
import { parseYaml } from './yaml.ts';

/** No MeshConfig is that large. */
const MAX_BYTES = 1_048_576;

/** Reads a file of MeshConfig fields; undefined: none is given, the defaults apply. Rejects when it cannot be read at all. */
export async function readMeshConfig(file: string | undefined, clusterDomain: string): Promise<DecodedMeshConfig> {
  if (file === undefined) return withDomain(decodeMeshConfig(null, nowhere), clusterDomain);
  const text = await readText(file);
  const yaml = parseYaml(text, file);
  const [first, second] = yaml.documents;
  const decoded = decodeMeshConfig(first?.value ?? null, first?.origin ?? nowhere);
  const several =
    second === undefined
      ? []
      : [
          report('invalid-value', {
            message: 'a MeshConfig is one document; there is another one here',
            location: second.origin.locate([]),
            refused: true,
          }),
        ];
  return withDomain(
    { ...decoded, diagnostics: [...yaml.diagnostics, ...several, ...decoded.diagnostics] },
    clusterDomain,
  );
}

async function readText(file: string): Promise<string> {
  try {
    const { size } = await stat(file);
    if (size > MAX_BYTES) throw new Error(`it has more than ${MAX_BYTES / 1_048_576} MiB`);
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new Error(`the mesh configuration ${file} cannot be read: ${reasonOf(error)}`);
  }
}

const withDomain = (decoded: DecodedMeshConfig, clusterDomain: string): DecodedMeshConfig => ({
  ...decoded,
  settings: { ...decoded.settings, clusterDomain },
});

const nowhere = { file: '', locate: () => ({ file: '', line: 1, column: 1 }) };
