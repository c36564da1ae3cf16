import { type DecodedObject, decodeObject } from '../resources/decode.ts';
import type { DecodeFile } from './file-state.ts';
import { parseYaml, type YamlDocument, type YamlFile } from './yaml.ts';

/** What is wanted back when the file is read again: documents that stand as they stood are not decoded again. */
interface Memory {
  readonly yaml: YamlFile;
  readonly decoded: ReadonlyMap<YamlDocument, DecodedObject>;
}

/**
 * The resources of one YAML file. A file that is not YAML throughout gives nothing, since nobody can say what its author
 * meant by the rest; a document that is refused leaves its neighbours alone.
 */
export const decodeFile: DecodeFile = ({ file, text, namespace }, previous) => {
  const memory = previous?.memory as Memory | undefined;
  const yaml = parseYaml(text, file, memory?.yaml);
  const decoded = new Map<YamlDocument, DecodedObject>();
  for (const document of yaml.documents)
    decoded.set(document, memory?.decoded.get(document) ?? decodeObject(document.value, document.origin, namespace));
  const all = [...decoded.values()];
  return {
    objects: yaml.readable ? all.flatMap(({ resource }) => resource ?? []) : [],
    diagnostics: [...yaml.diagnostics, ...all.flatMap(({ diagnostics }) => diagnostics)],
    memory: { yaml, decoded } satisfies Memory,
  };
};
