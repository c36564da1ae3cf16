import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { HeaderList } from '../../contract/headers.ts';
import type { Tunnel } from '../stream.ts';
import { asksForUpgrade } from './http1-request.ts';
import { SocketTunnel } from './tcp.ts';

export const isWebSocketUpgrade = (message: IncomingMessage): boolean =>
  message.headers.upgrade?.toLowerCase() === 'websocket' && asksForUpgrade(message);

/**
 * A response object for a request whose socket node has given out of its hands, so that a refused upgrade is answered like
 * any other request. The caller detaches it, and closes the connection after it.
 */
export function responseFor(message: IncomingMessage, socket: Socket): ServerResponse {
  const response = new ServerResponse(message);
  response.shouldKeepAlive = false;
  response.assignSocket(socket);
  return response;
}

/** Writes the 101 and gives the raw side; what the client sent early waits in the socket (edge-security F-30). */
export function switchProtocols(socket: Socket, upgrade: string, headers: HeaderList): Tunnel {
  const given = headers.raw();
  let head = 'HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\n';
  let named = false;
  for (let i = 0; i < given.length; i += 2) {
    const name = given[i] as string;
    if (name === 'connection' || name === 'content-length' || name === 'transfer-encoding') continue;
    const value = given[i + 1] as string;
    // Whatever made this value, it must not make lines.
    if (/[\r\n\0]/.test(value)) continue;
    if (name === 'upgrade') named = true;
    head += `${name}: ${value}\r\n`;
  }
  socket.write(`${head}${named ? '' : `upgrade: ${upgrade}\r\n`}\r\n`, 'latin1');
  return new SocketTunnel(socket);
}

/**
 * Notices that the client leaves without taking its bytes: they are read no further than the socket's own buffer, and stay
 * there for whoever gets the tunnel.
 */
export function watchQuietly(socket: Socket, left: () => void): { start(): void; stop(): void } {
  const look = (): void => {
    if (socket.readableLength === 0) socket.read();
  };
  return {
    start() {
      socket.on('readable', look);
      socket.on('end', left);
    },
    stop() {
      socket.removeListener('readable', look);
      socket.removeListener('end', left);
    },
  };
}
