import { report } from '../../../src/diagnostics/report.ts';
import type { Resource } from '../../../src/resources/kinds.ts';
import type { DecodeFile } from '../../../src/sources/file-state.ts';

/**
 * A decoder for tests of what happens to files as a whole. Each line is a document: `name [in=namespace] [at=ms] [v=text]`
 * is an object, `!name` one that is refused, `!` one whose name cannot be read.
 */
export const stubDecode: DecodeFile = ({ file, text, namespace }) => {
  const objects: Resource[] = [];
  const diagnostics = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const location = { file, line: index + 1, column: 1 };
    const [word = '', ...options] = line.split(' ');
    const option = (key: string): string | undefined =>
      options.find((candidate) => candidate.startsWith(`${key}=`))?.slice(key.length + 1);
    const ref = { kind: 'Service', namespace: option('in') ?? namespace ?? 'default', name: word.replace('!', '') };
    if (word.startsWith('!')) {
      diagnostics.push(
        report('unknown-field', {
          message: 'unknown field',
          refused: true,
          location,
          object: word === '!' ? undefined : ref,
        }),
      );
      continue;
    }
    objects.push({
      kind: 'Service',
      apiVersion: 'v1',
      ref,
      meta: {
        namespace: ref.namespace,
        name: ref.name,
        labels: {},
        annotations: {},
        creationTimestampMs: Number(option('at') ?? 0),
      },
      body: { version: option('v'), metadata: { namespace: option('in') } } as never,
      origin: { file, locate: () => location },
    });
  }
  return { objects, diagnostics };
};

/** `namespace/name@version`, in order. */
export const names = (objects: Iterable<Resource>): string[] =>
  [...objects]
    .map((object) => {
      const { version } = object.body as { version?: string };
      return `${object.meta.namespace}/${object.meta.name}${version === undefined ? '' : `@${version}`}`;
    })
    .sort();
