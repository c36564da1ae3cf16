import type { Destination } from '../resources/index.ts';
import type { ClusterId, HashPolicy } from '../table/index.ts';
import { type Backends, clusterId } from './backends/index.ts';

interface Question {
  readonly kind: 'cluster' | 'hash';
  readonly destination: Destination;
  readonly namespace: string;
  readonly port: number;
  readonly answer: string;
}

/**
 * What the translation of routes asks the backends. Every answer is noted, so that routes stay as they are when services
 * change that they do not lead to.
 */
export class BackendReader {
  #questions: Question[] = [];
  /** With which the answers were last found to hold. */
  #backends: Backends;

  constructor(backends: Backends) {
    this.#backends = backends;
  }

  /** `port`: of the server, for destinations that name none and whose service has several or is unknown (istio-semantics §2.4). */
  cluster(destination: Destination, namespace: string, port: number): ClusterId {
    const answer = clusterOf(this.#backends, destination, namespace, port);
    this.#questions.push({ kind: 'cluster', destination, namespace, port, answer });
    return answer;
  }

  hashPolicies(destination: Destination, namespace: string): readonly HashPolicy[] {
    const policies = hashOf(this.#backends, destination, namespace);
    const answer = policies.length === 0 ? '' : JSON.stringify(policies);
    this.#questions.push({ kind: 'hash', destination, namespace, port: 0, answer });
    return policies;
  }

  /** No more questions: a list that grew has room for many. */
  end(): void {
    this.#questions = [...this.#questions];
  }

  /** Would the same questions get the same answers now? */
  stillHolds(backends: Backends): boolean {
    if (backends === this.#backends) return true;
    const holds = this.#questions.every((question) => answerTo(question, backends) === question.answer);
    if (holds) this.#backends = backends;
    return holds;
  }
}

function answerTo({ kind, destination, namespace, port }: Question, backends: Backends): string {
  if (kind === 'cluster') return clusterOf(backends, destination, namespace, port);
  const policies = hashOf(backends, destination, namespace);
  return policies.length === 0 ? '' : JSON.stringify(policies);
}

/** A destination without a port is no concern of portLevelSettings, whatever port it ends up at (istio-semantics §3.2). */
const hashOf = (backends: Backends, destination: Destination, namespace: string): readonly HashPolicy[] =>
  backends.hashPolicies(destination.host, portOf(destination) ?? 0, subsetOf(destination), namespace);

/**
 * The id of the cluster that a destination means, whether or not there is one: the port that is given, else the only one
 * of the service, else the server's (istio-semantics §2.4).
 */
export function clusterOf(backends: Backends, destination: Destination, namespace: string, port: number): ClusterId {
  const known = backends.lookup(destination.host, namespace);
  const only = known?.ports.length === 1 ? known.ports[0]?.number : undefined;
  return clusterId(known?.clusterHost ?? destination.host, portOf(destination) ?? only ?? port, subsetOf(destination));
}

export const portOf = (destination: Destination): number | undefined => destination.port?.number || undefined;

export const subsetOf = (destination: Destination): string | undefined => destination.subset || undefined;
