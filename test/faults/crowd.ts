import https from 'node:https';

/** So many TLS clients at the same time, each with one request, in a process of their own: `crowd.ts PORT CLIENTS`. */
export interface CrowdReport {
  readonly served: number;
  readonly lastMs: number;
  /** Of the last that was not. */
  readonly why: string;
}

const [port, clients] = process.argv.slice(2).map(Number) as [number, number];
const began = performance.now();
let why = '';

const outcomes = await Promise.all(
  Array.from(
    { length: clients },
    (_, i) =>
      new Promise<boolean>((resolve) => {
        const request = https.get(
          {
            host: '127.0.0.1',
            port,
            path: `/get/crowd${i}`,
            servername: 'shop.test',
            headers: { host: 'shop.test' },
            agent: false,
            rejectUnauthorized: false,
          },
          (response) => {
            response.resume();
            response.on('end', () => resolve(response.statusCode === 200));
            response.on('error', () => resolve(false));
          },
        );
        request.on('error', (error) => {
          why = error.message;
          resolve(false);
        });
      }),
  ),
);

process.send?.({
  served: outcomes.filter(Boolean).length,
  lastMs: performance.now() - began,
  why,
} satisfies CrowdReport);
process.disconnect();
