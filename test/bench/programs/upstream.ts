/** Answers `…/small` and `…/large`, and does what the memory bar needs: `…/pour?bytes=N` sends, anything else counts what it is sent. PORT */
import { once } from 'node:events';
import http from 'node:http';

const chunk = Buffer.alloc(64 * 1_024, 'x');
const bodies = { small: chunk.subarray(0, 128), large: chunk.subarray(0, 16 * 1_024) };

async function pour(bytes: number, response: http.ServerResponse): Promise<void> {
  for (let left = bytes; left > 0 && !response.destroyed; left -= chunk.length)
    if (!response.write(left < chunk.length ? chunk.subarray(0, left) : chunk)) await once(response, 'drain');
  response.end();
}

http
  .createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://upstream.test');
    const bytes = searchParams.get('bytes');
    if (bytes !== null) await pour(Number(bytes), response).catch(() => {});
    else if (pathname.endsWith('/small')) response.end(bodies.small);
    else if (pathname.endsWith('/large')) response.end(bodies.large);
    else {
      let taken = 0;
      for await (const piece of request) taken += (piece as Buffer).length;
      response.end(String(taken));
    }
  })
  .listen(Number(process.argv[2]), '127.0.0.1');
