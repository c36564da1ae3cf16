import { hash } from 'node:crypto';
import type { Clock } from '../../kernel/clock.ts';
import { Allowance } from './allowance.ts';
import { type ApiClient, ApiError } from './client.ts';
import { CONDITION_TYPES, type DesiredStatus } from './conditions.ts';
import { isObject, type RawObject } from './raw.ts';

/** Core's limit. */
const MOST_CHARACTERS = 1_024;
/** Those whose True is bad news. */
const BAD_WHEN_TRUE: ReadonlySet<string> = new Set(['Conflicted', 'Frozen']);
/** What a program may cause that changes an object all day: then the conditions say it, and events no more. */
const OF_ONE_OBJECT = { most: 10, everyMs: 300_000 };
const OF_ALL = { most: 100, everyMs: 200 };
/** Objects whose allowance is remembered. */
const MOST_REMEMBERED = 1_000;

export interface EventBody {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

/** A word for each condition that turned; for an object that has none yet, for those alone that are bad. */
export function eventsOf(before: unknown, { verdicts }: DesiredStatus): readonly EventBody[] {
  const known = isObject(before) && Array.isArray(before['conditions']) ? before['conditions'].filter(isObject) : [];
  const bodies = CONDITION_TYPES.flatMap((type): readonly EventBody[] => {
    const { status, reason, message } = verdicts[type];
    if (status === 'Unknown') return [];
    const last = known.find((condition) => condition['type'] === type);
    const bad = (status === 'True') === BAD_WHEN_TRUE.has(type);
    if (last?.['status'] === status || (last === undefined && !bad)) return [];
    return [{ type: bad ? 'Warning' : 'Normal', reason, message: message.slice(0, MOST_CHARACTERS) }];
  });
  // What two conditions give the same reason for is one thing that happened; the later one says more of it.
  return bodies.filter(({ reason }, at) => !bodies.some((other, i) => i > at && other.reason === reason));
}

/** Whom events are about. */
export interface Subject extends Pick<DesiredStatus, 'ref'> {
  readonly apiVersion: string;
  readonly object: RawObject;
}

/**
 * What `kubectl describe` shows. The same word about the same object is one Event with a count, whichever replica says
 * it: its name is made of what it says. That takes no right to read events, only to create and patch them.
 */
export class EventRecorder {
  readonly #client: ApiClient;
  readonly #clock: Clock;
  readonly #all: Allowance;
  readonly #objects = new Map<string, Allowance>();

  constructor(client: ApiClient, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
    this.#all = new Allowance(OF_ALL, clock);
  }

  async record(subject: Subject, bodies: readonly EventBody[], now: string): Promise<void> {
    for (const body of bodies) if (this.#mayWrite(subject)) await this.#write(subject, body, now);
  }

  #mayWrite({ ref, object }: Subject): boolean {
    const key = String(object.metadata?.uid ?? `${ref.kind}/${ref.namespace}/${ref.name}`);
    const own = this.#objects.get(key) ?? new Allowance(OF_ONE_OBJECT, this.#clock);
    this.#objects.delete(key);
    this.#objects.set(key, own);
    const [oldest] = this.#objects.keys();
    if (this.#objects.size > MOST_REMEMBERED && oldest !== undefined) this.#objects.delete(oldest);
    return own.take() && this.#all.take();
  }

  async #write({ ref: { kind, namespace, name }, apiVersion, object }: Subject, body: EventBody, now: string) {
    const { uid, resourceVersion } = object.metadata ?? {};
    const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/events`;
    const eventName = nameOf(name, [String(uid), kind, body.type, body.reason, body.message]);
    const event = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: eventName, namespace },
      involvedObject: { apiVersion, kind, namespace, name, uid, resourceVersion },
      source: { component: 'banyan' },
      firstTimestamp: now,
      lastTimestamp: now,
      count: 1,
      ...body,
    };
    try {
      await this.#client.send('POST', path, { body: event });
    } catch (error) {
      if (!(error instanceof ApiError && error.reason === 'AlreadyExists')) throw error;
      await this.#repeat(`${path}/${eventName}`, now);
    }
  }

  /** How often it was said is in the answer. */
  async #repeat(path: string, now: string): Promise<void> {
    const contentType = 'application/merge-patch+json';
    const known = await this.#client.send<{ readonly count?: number }>('PATCH', path, {
      contentType,
      body: { lastTimestamp: now },
    });
    await this.#client.send('PATCH', path, { contentType, body: { count: (known.count ?? 1) + 1 } });
  }
}

/** A name of DNS, as names of events have to be. */
const nameOf = (object: string, said: readonly string[]): string =>
  `${object.slice(0, 200).replace(/[-.]+$/, '')}.${hash('sha256', JSON.stringify(said)).slice(0, 16)}`;
