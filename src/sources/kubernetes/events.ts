import type { ApiClient } from './client.ts';
import { CONDITION_TYPES, type DesiredStatus } from './conditions.ts';
import { isObject, type RawObject } from './raw.ts';

/** Core's limit. */
const MOST_CHARACTERS = 1_024;
/** Those whose True is bad news. */
const BAD_WHEN_TRUE: ReadonlySet<string> = new Set(['Conflicted', 'Frozen']);

interface EventBody {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

/** A word for each condition that turned; for an object that has none yet, for those alone that are bad. */
export function eventsOf(before: unknown, { verdicts }: DesiredStatus): readonly EventBody[] {
  const known = isObject(before) && Array.isArray(before['conditions']) ? before['conditions'].filter(isObject) : [];
  return CONDITION_TYPES.flatMap((type): readonly EventBody[] => {
    const { status, reason, message } = verdicts[type];
    const last = known.find((condition) => condition['type'] === type);
    const bad = (status === 'True') === BAD_WHEN_TRUE.has(type);
    if (last?.['status'] === status || (last === undefined && !bad)) return [];
    return [{ type: bad ? 'Warning' : 'Normal', reason, message: message.slice(0, MOST_CHARACTERS) }];
  });
}

/** `kubectl describe` shows them. */
export async function writeEvents(
  client: ApiClient,
  object: RawObject,
  { ref }: DesiredStatus,
  apiVersion: string,
  bodies: readonly EventBody[],
  now: string,
): Promise<void> {
  const { kind, namespace, name } = ref;
  const { uid, resourceVersion } = object.metadata ?? {};
  for (const body of bodies)
    await client.send('POST', `/api/v1/namespaces/${encodeURIComponent(namespace)}/events`, {
      body: {
        apiVersion: 'v1',
        kind: 'Event',
        metadata: { generateName: `${name}.`.slice(0, 200), namespace },
        involvedObject: { apiVersion, kind, namespace, name, uid, resourceVersion },
        source: { component: 'banyan' },
        firstTimestamp: now,
        lastTimestamp: now,
        count: 1,
        ...body,
      },
    });
}
