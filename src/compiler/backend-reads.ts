import type { Destination } from '../resources/index.ts';
import type { ClusterId, HashPolicy } from '../table/index.ts';
import { type Backends, clusterId } from './backends/index.ts';

/**
 * What the translation of routes asks the backends. Every answer is noted, so that routes stay as they are when services
 * change that they do not lead to.
 */
export interface BackendReader {
  /** `port`: of the server, for destinations that name none and whose service has several or is unknown (istio-semantics §2.4). */
  cluster(destination: Destination, namespace: string, port: number): ClusterId;
  hashPolicies(destination: Destination, namespace: string): readonly HashPolicy[];
}

type Read = (backends: Backends) => unknown;

export interface RecordedReads {
  readonly reader: BackendReader;
  /** Would the same questions get the same answers now? */
  stillHold(backends: Backends): boolean;
}

export function recordReads(backends: Backends): RecordedReads {
  const reads: { readonly read: Read; readonly answer: string }[] = [];
  const note = <T>(read: (from: Backends) => T): T => {
    const answer = read(backends);
    reads.push({ read, answer: JSON.stringify(answer) ?? '' });
    return answer;
  };
  return {
    reader: {
      cluster: (destination, namespace, port) => note((from) => clusterOf(from, destination, namespace, port)),
      hashPolicies: (destination, namespace) =>
        // A destination without a port is no concern of portLevelSettings, whatever port it ends up at (§3.2).
        note((from) => from.hashPolicies(destination.host, portOf(destination) ?? 0, subsetOf(destination), namespace)),
    },
    stillHold: (from) => reads.every(({ read, answer }) => (JSON.stringify(read(from)) ?? '') === answer),
  };
}

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
