import http from 'node:http';
import type { AddressInfo } from 'node:net';

/** Services behind a gateway, each on a port of its own. */
export interface TestUpstreams {
  readonly ports: readonly number[];
  /** Requests seen so far, by service. */
  readonly seen: number[];
  close(): void;
}

/** `answer`: what the service of that index does; it says its index in the header `x-upstream` whatever it answers. */
export async function startUpstreams(
  count: number,
  answer: (index: number, request: http.IncomingMessage, response: http.ServerResponse) => void = (_, __, response) =>
    response.end(),
): Promise<TestUpstreams> {
  const seen: number[] = Array(count).fill(0);
  const servers = seen.map((_, index) =>
    http.createServer((request, response) => {
      seen[index] = (seen[index] ?? 0) + 1;
      response.setHeader('x-upstream', index);
      request.resume();
      answer(index, request, response);
    }),
  );
  for (const server of servers) await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    ports: servers.map((server) => (server.address() as AddressInfo).port),
    seen,
    close() {
      for (const server of servers) {
        server.closeAllConnections();
        server.close();
      }
    },
  };
}

export interface Asked {
  readonly status: number;
  /** Index of the service that answered; undefined: the gateway itself. */
  readonly upstream: number | undefined;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

/** One request to the gateway. Without an agent each has a connection of its own. */
export function askGateway(
  port: number,
  path: string,
  headers: http.OutgoingHttpHeaders = {},
  agent: http.Agent | false = false,
): Promise<Asked> {
  return new Promise((resolve, reject) => {
    const request = http.get({ port, path, agent, headers: { host: 'shop.example.com', ...headers } }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('end', () => {
        const upstream = response.headers['x-upstream'];
        resolve({
          status: response.statusCode ?? 0,
          upstream: upstream === undefined ? undefined : Number(upstream),
          headers: response.headers,
          body,
        });
      });
      response.on('error', reject);
    });
    request.on('error', reject);
  });
}

/** `count` requests over `agent`, as many at once as it has sockets. */
export const askMany = (port: number, paths: readonly string[], agent: http.Agent): Promise<readonly Asked[]> =>
  Promise.all(paths.map((path) => askGateway(port, path, {}, agent)));
