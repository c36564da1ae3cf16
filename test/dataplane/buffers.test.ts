import http from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { DEFAULT_OVERLOAD_LIMITS } from '../../src/dataplane/overload.ts';
import { ask, closeAll, keep, listening } from '../support/authorized.ts';
import { frame, startGateway, type TestGateway, virtualService } from '../support/gateway.ts';
import { filtering } from '../support/raw-connections.ts';

afterEach(closeAll);

const KIB = 1024;

/** Its buffers may take so much, a quarter of it bodies that are kept. The service says how much it got. */
async function start(bufferBytes: number, bodyBytes: number | undefined): Promise<TestGateway> {
  const service = http.createServer((request, response) => {
    let size = 0;
    request.on('data', (chunk: Buffer) => (size += chunk.length));
    request.on('end', () => response.end(String(size)));
  });
  const seeing = filtering({
    always: true,
    async request(exchange) {
      if (bodyBytes !== undefined) await exchange.bufferBody(bodyBytes);
      return undefined;
    },
  });
  const text =
    frame({ web: await listening(service) }) + virtualService('all', '- route: [{ destination: { host: web.test } }]');
  return keep(await startGateway(text, { plugins: [seeing], overload: { ...DEFAULT_OVERLOAD_LIMITS, bufferBytes } }));
}

const post = (port: number, bytes: number) => ask(port, { method: 'POST', path: '/' }, 'x'.repeat(bytes));

describe('memory for bodies (edge-security R-21)', () => {
  it('is enough for one that a filter must see, time and again', async () => {
    const { port, records } = await start(400 * KIB, 200 * KIB);
    for (let i = 0; i < 5; i++)
      expect(await post(port, 90 * KIB)).toMatchObject({ status: 200, body: String(90 * KIB) });
    expect(records.every(({ cause }) => cause === undefined)).toBe(true);
  });

  it('is not enough: the filter is not asked about a part of it, and the request refused as in an overload', async () => {
    const { port, records, errors } = await start(400 * KIB, 200 * KIB);
    expect(await post(port, 150 * KIB)).toMatchObject({ status: 503 });
    expect(records).toMatchObject([{ status: 503, cause: 'gateway-overloaded' }]);
    expect(errors).toEqual([]);
    expect(await post(port, 10 * KIB)).toMatchObject({ status: 200 });
  });

  it('need not be there for what only streams', async () => {
    const { port } = await start(400 * KIB, undefined);
    expect(await post(port, 2_000 * KIB)).toMatchObject({ status: 200, body: String(2_000 * KIB) });
  });

  it('has to be there for what a request may come to hold before anybody acts on it', async () => {
    const { port, records } = await start(120 * KIB, undefined);
    expect(await post(port, 40 * KIB)).toMatchObject({ status: 200 });
    expect(await post(port, 50 * KIB)).toMatchObject({ status: 503 });
    expect(records.map(({ cause, upstreamAttempts }) => [cause, upstreamAttempts])).toEqual([
      [undefined, 1],
      ['namespace-overloaded', 0],
    ]);
  });
});
