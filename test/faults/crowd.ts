import { readFileSync } from 'node:fs';
import https from 'node:https';

/** So many TLS clients at the same time, each with one request, in a process of their own: `crowd.ts PORT CLIENTS [ROUNDS [PEM]]`, PEM a file with certificate and key. */
export interface CrowdReport {
  readonly served: number;
  readonly lastMs: number;
  /** Of the last that was not. */
  readonly why: string;
}

const [port = 0, clients = 0, rounds = 1] = process.argv.slice(2, 5).map(Number);
const pem =
  process.argv[5] === undefined ? {} : { cert: readFileSync(process.argv[5]), key: readFileSync(process.argv[5]) };
const began = performance.now();
let why = '';

const round = (): Promise<boolean[]> =>
  Promise.all(
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
              ...pem,
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

let served = 0;
for (let i = 0; i < rounds; i++) served += (await round()).filter(Boolean).length;
process.send?.({
  served,
  lastMs: performance.now() - began,
  why,
} satisfies CrowdReport);
process.disconnect();
