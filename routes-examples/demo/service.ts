import http from 'node:http';
import type { Demo } from './start.ts';

/** A team's service: says who it is and what it was asked. `/orders/flaky` fails twice before it answers. */
export async function startService({ name, port }: { readonly name: string; readonly port: number }): Promise<Demo> {
  let flaky = 0;
  const server = http.createServer((request, response) => {
    request.resume();
    request.on('end', () => {
      if (request.url === '/orders/flaky' && ++flaky % 3 !== 0) {
        response.writeHead(503, { 'content-type': 'text/plain' }).end('try again\n');
        return;
      }
      const user = request.headers['x-user'];
      response.writeHead(200, { 'content-type': 'text/plain' });
      response.end(`${name}: ${request.method} ${request.url}${user === undefined ? '' : ` for ${user}`}\n`);
    });
  });
  await listen(server, port, name);
  return { close: () => closeServer(server) };
}

export function listen(
  server: http.Server | import('node:http2').Http2Server,
  port: number,
  name: string,
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'EADDRINUSE'
          ? new Error(`port ${port}, where the demo's '${name}' listens, is in use; end what listens there`)
          : error,
      ),
    );
    server.listen(port, '127.0.0.1', resolve);
  });
}

export function closeServer(server: http.Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
