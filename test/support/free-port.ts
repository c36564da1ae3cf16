import { randomInt } from 'node:crypto';
import net from 'node:net';

/** Below the ports that the system hands out itself (Linux: from 32768 on). */
const LOWEST = 10_000;
const HIGHEST = 32_767;
const MOST_TRIES = 100;

/**
 * A port of the loopback that nobody listens on, for a program that is yet to start. The system never gives it to somebody
 * else meanwhile: one that it had chosen itself it might choose again, for any connection or server on the machine.
 */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const port = randomInt(LOWEST, HIGHEST + 1);
    if (await mayListen(port)) return port;
  }
  throw new Error(`no free port was found between ${LOWEST} and ${HIGHEST}`);
}

function mayListen(port: number): Promise<boolean> {
  const server = net.createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen({ port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
