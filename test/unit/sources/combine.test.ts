import { describe, expect, it } from 'vitest';
import { combinedSource, combineSnapshots } from '../../../src/sources/combine.ts';
import type { OnChange, ResourceSource, SourceSnapshot } from '../../../src/sources/source.ts';
import { resourcesOf } from '../../support/resources.ts';

const service = (namespace: string, name: string, port = 80): string =>
  `apiVersion: v1\nkind: Service\nmetadata: { name: ${name}, namespace: ${namespace} }\nspec: { ports: [{ port: ${port} }] }\n`;
const snapshot = (...documents: readonly string[]): SourceSnapshot => ({
  resources: resourcesOf(documents.join('---\n')),
  diagnostics: [],
  frozen: [],
});
const names = ({ resources }: SourceSnapshot) => resources.ofKind('Service').map(({ meta }) => meta.name);

/** A source whose moments the test chooses. */
function stub() {
  const first = Promise.withResolvers<SourceSnapshot>();
  let tell: OnChange = () => {};
  let closed = false;
  const source: ResourceSource = {
    start(onChange) {
      tell = onChange;
      return first.promise;
    },
    close: async () => {
      closed = true;
    },
  };
  return {
    source,
    first,
    tell: (next: SourceSnapshot, seenAtMs?: number) => tell(next, seenAtMs),
    closed: () => closed,
  };
}

describe('several sources', () => {
  it('are all there is together', () => {
    const combined = combineSnapshots([snapshot(service('a', 'one')), snapshot(service('b', 'two'))]);
    expect(names(combined)).toEqual(['one', 'two']);
    expect(combined.diagnostics).toEqual([]);
  });

  it('that name one object twice give that of the first, and say so', () => {
    const combined = combineSnapshots([snapshot(service('a', 'one', 81)), snapshot(service('a', 'one', 82))]);
    expect(combined.resources.get('Service', 'a', 'one')?.body.spec?.ports?.[0]?.port).toBe(81);
    expect(combined.diagnostics).toEqual([expect.objectContaining({ code: 'duplicate-object', refused: true })]);
  });

  it('pass on when one of them saw its change', async () => {
    const [one, two] = [stub(), stub()];
    const seen: (number | undefined)[] = [];
    const started = combinedSource([one.source, two.source]).start((_, seenAtMs) => void seen.push(seenAtMs));
    one.first.resolve(snapshot());
    two.first.resolve(snapshot());
    await started;
    two.tell(snapshot(service('b', 'two')), 42);
    one.tell(snapshot(service('a', 'one')));
    expect(seen).toEqual([42, undefined]);
  });

  it('are whole when each of them is, and not before', async () => {
    const [one, two] = [stub(), stub()];
    const told: SourceSnapshot[] = [];
    const started = combinedSource([one.source, two.source]).start((next) => void told.push(next));
    one.first.resolve(snapshot(service('a', 'one')));
    one.tell(snapshot(service('a', 'newer')));
    expect(told).toEqual([]);
    two.first.resolve(snapshot(service('b', 'two')));
    expect(names(await started)).toEqual(['newer', 'two']);
    two.tell(snapshot());
    expect(told.map(names)).toEqual([['newer']]);
  });

  it('do not begin where one of them cannot', async () => {
    const [one, two] = [stub(), stub()];
    const started = combinedSource([one.source, two.source]).start(() => {});
    one.first.reject(new Error('no such folder'));
    await expect(started).rejects.toThrow('no such folder');
  });

  it('end together', async () => {
    const [one, two] = [stub(), stub()];
    await combinedSource([one.source, two.source]).close();
    expect([one.closed(), two.closed()]).toEqual([true, true]);
  });

  it('are themselves where there is one', () => {
    const { source } = stub();
    expect(combinedSource([source])).toBe(source);
  });
});
