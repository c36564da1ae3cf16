/**
 * A gateway in a process of its own, started with --expose-gc, whose memory is watched. Told its resources by message, it
 * tells its port; asked anything else, what it holds just now, garbage apart.
 */
import { startGateway } from '../support/gateway.ts';

const held = (): number => {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
};

process.on('message', async ({ resources }: { readonly resources?: string }) => {
  if (resources === undefined) process.send?.({ bytes: held() });
  else process.send?.({ port: (await startGateway(resources)).port });
});
