import http2 from 'node:http2';
import { listen } from './service.ts';
import type { Demo } from './start.ts';

/** One gRPC message, uncompressed: five bytes of prefix, then a protobuf with field 1 as text. */
function message(text: string): Buffer {
  const bytes = Buffer.from(text);
  const body = Buffer.concat([Buffer.from([0x0a, bytes.length]), bytes]);
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(body.length, 1);
  return Buffer.concat([prefix, body]);
}

/** A gRPC service, `demo.Stock`: Count answers one message, Watch streams three. */
export async function startStock(port: number): Promise<Demo> {
  const server = http2.createServer();
  const sessions = new Set<http2.ServerHttp2Session>();
  server.on('session', (session) => {
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
  });
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    stream.resume();
    stream.on('end', () => {
      const watch = headers[':path'] === '/demo.Stock/Watch';
      if (!watch && headers[':path'] !== '/demo.Stock/Count') {
        stream.respond(
          { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '12', 'grpc-message': 'no such method' },
          { endStream: true },
        );
        return;
      }
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      for (const text of watch ? ['7 left', '6 left', '5 left'] : ['7 left']) stream.write(message(text));
      stream.end();
    });
  });
  await listen(server, port, 'stock');
  return {
    async close() {
      for (const session of sessions) session.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
