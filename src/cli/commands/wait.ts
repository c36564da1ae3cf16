import { setTimeout as sleep } from 'node:timers/promises';
import { parseDurationMs } from '../../kernel/duration.ts';
import { nearest } from '../../kernel/nearest.ts';
import { KINDS, type ResourceKind } from '../../resources/index.ts';
import type { Settings } from '../../settings.ts';
import { type ApiClient, ApiError, type Condition, objectPath } from '../../sources/kubernetes.ts';
import { openCluster } from '../cluster.ts';
import { printable, type Terminal, usageError } from '../terminal.ts';

export interface WaitOptions {
  readonly namespace?: string;
  readonly timeout: string;
}

const POLL_MS = 250;

/** Kinds that statuses are written to, by the names that kubectl takes. */
const NAMES: Readonly<Record<string, ResourceKind>> = {
  virtualservice: 'VirtualService',
  virtualservices: 'VirtualService',
  vs: 'VirtualService',
  gateway: 'Gateway',
  gateways: 'Gateway',
  gw: 'Gateway',
  ratelimit: 'RateLimit',
  ratelimits: 'RateLimit',
  edgepolicy: 'EdgePolicy',
  edgepolicies: 'EdgePolicy',
  policyexemption: 'PolicyExemption',
  policyexemptions: 'PolicyExemption',
};

/** `banyan wait`: 0 when what the object says is in service; 1 when it will not be, or is not in time. */
export async function wait(
  settings: Settings,
  object: string,
  options: WaitOptions,
  terminal: Terminal,
): Promise<number> {
  const { kind, name } = readObject(object);
  const timeoutMs = readTimeout(options.timeout);
  const { client, namespace: usual } = await openCluster(settings);
  const namespace = options.namespace ?? usual;
  const say = (mark: string, text: string): void => terminal.err(`${mark} ${kind} ${namespace}/${name} ${text}\n`);
  try {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const outcome = await look(client, kind, namespace, name);
      if (outcome.kind === 'serves') {
        say(terminal.paintError('green', '✔'), `is in service: ${printable(outcome.text)}`);
        return 0;
      }
      if (outcome.kind === 'serves-partly') {
        say(terminal.paintError('yellow', '⚠'), `is in service, but not all of it: ${printable(outcome.text)}`);
        return 0;
      }
      if (outcome.kind === 'refused' || performance.now() > deadline) {
        const late =
          outcome.kind === 'refused' ? 'is not in service' : `is not in service after ${timeoutMs / 1_000} s`;
        say(terminal.paintError('red', '✖'), `${late}: ${printable(outcome.text)}`);
        return 1;
      }
      await sleep(POLL_MS);
    }
  } finally {
    await client.close();
  }
}

interface Outcome {
  readonly kind: 'serves' | 'serves-partly' | 'refused' | 'not-yet';
  readonly text: string;
}

interface Reported {
  readonly metadata: { readonly generation?: number };
  readonly status?: {
    readonly conditions?: readonly Condition[];
    readonly banyan?: { readonly revision?: string; readonly replicas?: string };
  };
}

async function look(client: ApiClient, kind: ResourceKind, namespace: string, name: string): Promise<Outcome> {
  const object = await read(client, kind, namespace, name);
  if (object === undefined) return { kind: 'refused', text: 'there is no such object' };
  const { generation = 0 } = object.metadata;
  const current = (object.status?.conditions ?? []).filter((condition) => condition.observedGeneration === generation);
  const find = (type: string): Condition | undefined => current.find((condition) => condition.type === type);
  const programmed = find('Programmed');
  const accepted = find('Accepted');
  if (accepted?.status === 'False') return { kind: 'refused', text: accepted.message };
  if (programmed?.status === 'True') {
    const { revision, replicas } = object.status?.banyan ?? {};
    const outcome = programmed.reason === 'PartlyServing' ? 'serves-partly' : 'serves';
    return { kind: outcome, text: `${programmed.message} (revision ${revision}, replicas ${replicas})` };
  }
  // What has expired comes back by an edit alone.
  if (programmed?.reason === 'Expired') return { kind: 'refused', text: programmed.message };
  if (programmed !== undefined) return { kind: 'not-yet', text: programmed.message };
  return { kind: 'not-yet', text: 'no gateway has said anything about this version of it; does one write statuses?' };
}

/** In whichever version the server has it. */
async function read(
  client: ApiClient,
  kind: ResourceKind,
  namespace: string,
  name: string,
): Promise<Reported | undefined> {
  for (const apiVersion of KINDS[kind].apiVersions) {
    try {
      return await client.send<Reported>('GET', objectPath({ kind, namespace, name }, apiVersion));
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) continue;
      throw usageError(`the cluster at ${client.server} cannot be read: ${(error as Error).message}`);
    }
  }
  return undefined;
}

function readObject(text: string): { readonly kind: ResourceKind; readonly name: string } {
  const [kind = '', name = '', more] = text.split('/');
  const plain = kind.toLowerCase().split('.')[0] ?? '';
  if (name === '' || more !== undefined) throw usageError(`'${text}' is not of the form virtualservice/NAME`);
  const known = NAMES[plain];
  if (known !== undefined) return { kind: known, name };
  const meant = nearest(plain, Object.keys(NAMES));
  throw usageError(
    `nothing is written to the status of '${kind}'${meant === undefined ? '' : `; did you mean ${meant}?`}`,
    'there is virtualservice, gateway, ratelimit, edgepolicy, policyexemption',
  );
}

/** Seconds, or a duration as kubectl takes it. */
function readTimeout(text: string): number {
  if (/^\d+$/.test(text)) return Number(text) * 1_000;
  const duration = parseDurationMs(text);
  if (duration.ok && duration.value >= 0) return duration.value;
  throw usageError(`--timeout: '${text}' is no number of seconds and no duration, such as 90s or 2m`);
}
