import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { CertificateFolder, type KeyPair } from './certificate.ts';
import type { AdmissionAnswer, AdmissionRequest, Reviewer } from './review.ts';

export interface AdmissionOptions {
  readonly address: string;
  readonly port: number;
  /** Folder with `tls.crt` and `tls.key`. */
  readonly certificates: string;
  readonly review: Reviewer;
  readonly log: { info(message: string): void; warn(message: string): void };
}

export interface AdmissionServer {
  /** The port that is listened on; undefined: there is no certificate yet. */
  port(): number | undefined;
  close(): Promise<void>;
}

/** An object and its old version, of 1.5 MiB each at most, and what is around them. */
const MAX_BYTES = 8 * 1_048_576;
const REQUEST_TIMEOUT_MS = 10_000;

/**
 * The admission webhook: `POST /validate` with an AdmissionReview. It listens as soon as there is a certificate, and
 * takes the next one without a pause.
 */
export async function startAdmission(options: AdmissionOptions): Promise<AdmissionServer> {
  const { certificates, log } = options;
  let server: Server | undefined;
  const take = (pair: KeyPair): void => {
    if (server === undefined) server = listen(pair, options);
    else {
      server.setSecureContext({ ...pair, minVersion: 'TLSv1.2' });
      log.info('the admission webhook has a new certificate');
    }
  };
  const folder = new CertificateFolder(certificates, take, (message) =>
    log.warn(`the admission webhook's certificate in ${certificates} cannot be used: ${message}`),
  );
  await folder.look();
  if (server !== undefined) await untilListening(server);
  return {
    port: () => (server?.address() as AddressInfo | null | undefined)?.port,
    close() {
      folder.close();
      server?.closeAllConnections();
      return new Promise((done) => (server === undefined ? done() : server.close(() => done())));
    },
  };
}

function listen(pair: KeyPair, { address, port, review, log }: AdmissionOptions): Server {
  const server = createServer(
    { ...pair, minVersion: 'TLSv1.2', requestTimeout: REQUEST_TIMEOUT_MS },
    (request, response) => {
      answer(request, response, review, log).catch(() => response.destroy());
    },
  );
  server.on('error', (error) =>
    log.warn(`the admission webhook cannot listen on ${address}:${port}: ${error.message}`),
  );
  server.listen(port, address, () => log.info(`the admission webhook listens on ${address}:${port}`));
  return server;
}

/** Or until it is known that it cannot. */
const untilListening = (server: Server): Promise<unknown> => once(server, 'listening').catch(() => {});

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  review: Reviewer,
  log: AdmissionOptions['log'],
): Promise<void> {
  const [path] = (request.url ?? '').split('?');
  if (path !== '/validate') return end(response, 404);
  if (request.method !== 'POST') return end(response, 405);
  const text = await readBody(request);
  if (text === undefined) return end(response, 413);
  const asked = readReview(text);
  if (asked === undefined) return end(response, 400);
  const { allowed, message, warnings } = judge(asked, review, log);
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(
    JSON.stringify({
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      response: {
        uid: asked.uid,
        allowed,
        ...(!allowed && { status: { code: 422, reason: 'Invalid', message } }),
        ...(warnings.length > 0 && { warnings }),
      },
    }),
  );
}

/** A mistake of ours is no team's: what cannot be judged is let in. */
function judge(request: AdmissionRequest, review: Reviewer, log: AdmissionOptions['log']): AdmissionAnswer {
  try {
    return review(request);
  } catch (error) {
    log.warn(`an object could not be judged, and was let in: ${(error as Error).stack}`);
    return { allowed: true, message: '', warnings: ['banyan could not judge this object'] };
  }
}

function end(response: ServerResponse, status: number): void {
  response.writeHead(status, { connection: 'close' }).end();
}

async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function readReview(text: string): AdmissionRequest | undefined {
  try {
    const { request } = JSON.parse(text) as { readonly request?: AdmissionRequest };
    return typeof request?.uid === 'string' ? request : undefined;
  } catch {
    return undefined;
  }
}
