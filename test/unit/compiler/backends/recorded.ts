import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { decodeObject } from '../../../../src/resources/decode.ts';
import type { HTTPRoute, Resource } from '../../../../src/resources/kinds.ts';
import type { MeshSettings } from '../../../../src/resources/mesh-config.ts';
import { type ResourceSet, resourceSet } from '../../../../src/resources/set.ts';
import { parseYaml } from '../../../../src/sources/yaml.ts';

const ROOT = path.resolve('test/istio');

export const casesOf = (category: string): readonly string[] =>
  readdirSync(path.join(ROOT, category)).map((name) => `${category}/${name}`);

/** What Istio's admission lets through of a case. */
export function resourcesOf(name: string): ResourceSet {
  const root = path.join(ROOT, name, 'resources');
  const objects: Resource[] = [];
  for (const namespace of readdirSync(root)) {
    for (const file of readdirSync(path.join(root, namespace))) {
      const text = readFileSync(path.join(root, namespace, file), 'utf8');
      for (const { value, origin } of parseYaml(text, `${namespace}/${file}`).documents) {
        const { resource } = decodeObject(value, origin, namespace);
        if (resource !== undefined) objects.push(resource);
      }
    }
  }
  return resourceSet(objects);
}

/** The few settings of a case's mesh.yaml that matter to destinations. */
export function meshOf(name: string): Partial<MeshSettings> {
  const file = path.join(ROOT, name, 'mesh.yaml');
  if (!existsSync(file)) return {};
  const [document] = parseYaml(readFileSync(file, 'utf8'), 'mesh.yaml').documents;
  return document?.value as Partial<MeshSettings>;
}

export interface RecordedRequest {
  readonly id: string;
  readonly host?: string;
  readonly port?: number;
  readonly target?: string;
}

export interface RecordedCase {
  readonly backends: Readonly<Record<string, string>>;
  readonly requests: readonly RecordedRequest[];
}

export const caseOf = (name: string): RecordedCase => {
  const recorded = json<Partial<RecordedCase>>(name, 'case.json');
  return { backends: recorded.backends ?? { '9080': 'http' }, requests: recorded.requests ?? [] };
};

interface Answer {
  readonly status?: number;
  readonly attempts?: readonly { readonly backend: string }[];
  readonly counts?: Readonly<Record<string, unknown>>;
}

/** Every backend that a request reached. */
export function reached(name: string, id: string): readonly string[] {
  const { attempts = [], counts = {} } = answerOf(name, id);
  const counted = Object.keys(counts).flatMap((key) => key.match(/\d+(?:\.\d+){3}:\d+/g) ?? []);
  return [...new Set([...attempts.map(({ backend }) => backend), ...counted])];
}

/** 503, and nobody was reached. */
export const isUnavailable = (name: string, id: string): boolean => {
  const { status, counts } = answerOf(name, id);
  return status === 503 && counts === undefined && reached(name, id).length === 0;
};

const answerOf = (name: string, id: string): Answer => {
  const answers = json(name, 'answers.json') as { readonly answers?: Readonly<Record<string, Answer>> };
  return (answers.answers ?? (answers as Readonly<Record<string, Answer>>))[id] ?? {};
};

const parsed = new Map<string, object>();
function json<T extends object>(name: string, file: string): T {
  const key = `${name}/${file}`;
  if (!parsed.has(key)) parsed.set(key, JSON.parse(readFileSync(path.join(ROOT, key), 'utf8')) as object);
  return parsed.get(key) as T;
}

export interface RecordedDestination {
  readonly namespace: string;
  readonly host: string;
  readonly port: number | undefined;
  readonly subset: string | undefined;
}

/** Where a request may go, by host and path alone: what other conditions leave open is listed after one another. */
export function destinationsOf(
  resources: ResourceSet,
  { host = '', target = '/' }: RecordedRequest,
): RecordedDestination[] {
  const wanted = target.split('?', 1)[0] ?? '/';
  const found: RecordedDestination[] = [];
  for (const { meta, body } of resources.ofKind('VirtualService')) {
    if (!body.spec.hosts?.includes(host.split(':', 1)[0]?.toLowerCase() ?? '')) continue;
    for (const rule of body.spec.http ?? []) {
      const fits = fitting(rule, wanted);
      if (fits === 'no') continue;
      for (const { destination } of rule.route ?? []) {
        const { number } = destination.port ?? {};
        found.push({ namespace: meta.namespace, host: destination.host, port: number, subset: destination.subset });
      }
      if (fits === 'yes') return found;
    }
  }
  return found;
}

function fitting({ match = [{}] }: HTTPRoute, target: string): 'yes' | 'maybe' | 'no' {
  const fits = match.filter(({ uri }) => {
    if (uri === undefined) return true;
    if (uri.exact !== undefined) return uri.exact === target;
    return uri.prefix === undefined || target.startsWith(uri.prefix);
  });
  if (fits.length === 0) return 'no';
  return fits.some(({ uri, ...others }) => uri?.regex === undefined && Object.keys(others).length === 0)
    ? 'yes'
    : 'maybe';
}
