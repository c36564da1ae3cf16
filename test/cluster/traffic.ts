import { expect, onTestFinished } from 'vitest';
import { Load } from '../faults/load.ts';
import { startUpstream } from '../faults/processes.ts';
import type { Applied } from './cluster.ts';

/** Its upstream answers each request with the request's id. */
export interface Backend {
  /** To be applied in the namespace whose Gateway is `public`. */
  objects(ns: string): readonly Applied[];
  /** Begins to send: requests when they are due, answered or not, on connections that are kept, HTTP/2, WebSockets. */
  load(port: number): Traffic;
}

export interface Traffic {
  /** Ends the load; none of it may have been lost, and no POST come twice. */
  endWithoutLoss(): Promise<number>;
}

const MIX = { get: 60, post: 15, http2: 15, slow: 0, webSockets: 4 };

export async function startBackend(): Promise<Backend> {
  const upstream = await startUpstream();
  onTestFinished(() => void process.kill(upstream.pid));
  return {
    objects: (ns) => objectsOf(ns, upstream.port),
    load(port) {
      const load = new Load({ port, mix: MIX });
      let ended: ReturnType<Load['stop']> | undefined;
      const end = (): ReturnType<Load['stop']> => {
        ended ??= load.stop();
        return ended;
      };
      onTestFinished(() => void end());
      return {
        async endWithoutLoss() {
          const { losses, posts, requests } = await end();
          const { ids } = await upstream.seen();
          expect(losses).toEqual([]);
          expect(posts.filter((id) => (ids[id] ?? 0) > 1)).toEqual([]);
          expect(requests).toBeGreaterThan(20);
          return requests;
        },
      };
    },
  };
}

const objectsOf = (ns: string, port: number): readonly Applied[] => [
  {
    apiVersion: 'networking.istio.io/v1',
    kind: 'ServiceEntry',
    metadata: { name: 'backend', namespace: ns },
    spec: {
      hosts: [`backend.${ns}.internal`],
      ports: [{ number: 80, name: 'http', protocol: 'HTTP', targetPort: port }],
      resolution: 'STATIC',
      endpoints: [{ address: '127.0.0.1' }],
    },
  },
  {
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name: 'traffic', namespace: ns },
    spec: {
      hosts: ['shop.test'],
      gateways: [`${ns}/public`],
      http: [{ route: [{ destination: { host: `backend.${ns}.internal`, port: { number: 80 } } }] }],
    },
  },
];
