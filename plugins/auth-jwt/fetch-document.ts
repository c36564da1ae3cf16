import { type LookupOptions, lookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { Agent, type Dispatcher, request } from 'undici';

/** Key sets and discovery documents are small; a longer one is cut off and refused (edge-security J-17.18). */
const MAX_BYTES = 2 ** 20;

export type DialGuard = (address: string, port: number) => boolean;

/**
 * Gets a document from an address that a policy names, with everything held in bounds: the time from the first DNS query to
 * the last byte, the size, no redirects, no compression, http and https alone, and only addresses that may be dialled, asked
 * of the very address that is then connected to, so that a name cannot change its mind (edge-security J-19). Rejects
 * with a message for the log.
 */
export async function fetchDocument(address: string, timeoutMs: number, mayDial: DialGuard): Promise<string> {
  const url = readAddress(address);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
  if (isIP(host) !== 0 && !mayDial(host, port)) throw new Error(`${host} may not be dialled`);
  const agent = new Agent({ connections: 1, connect: { lookup: guardedLookup(port, mayDial), timeout: timeoutMs } });
  try {
    const answer = await request(url, {
      dispatcher: agent,
      headers: { accept: 'application/json', 'accept-encoding': 'identity' },
      signal: AbortSignal.timeout(timeoutMs),
    });
    return await readBody(answer);
  } finally {
    // Whatever is still on its way is not waited for.
    void agent.destroy().catch(() => undefined);
  }
}

function readAddress(address: string): URL {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:'))
    throw new Error('the address is no http or https URL');
  return url;
}

function guardedLookup(port: number, mayDial: DialGuard): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...(options as LookupOptions), all: true }, (error, addresses) => {
      if (error !== null) return callback(error, '');
      const allowed = addresses.filter(({ address }) => mayDial(address, port));
      const [first] = allowed;
      if (first === undefined) return callback(new Error(`no address of ${hostname} may be dialled`), '');
      if (options.all === true) return callback(null, allowed);
      return callback(null, first.address, first.family);
    });
  };
}

async function readBody({ statusCode, headers, body }: Dispatcher.ResponseData): Promise<string> {
  if (statusCode !== 200) throw new Error(`the answer has the status ${statusCode}`);
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') throw new Error('the answer is compressed');
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > MAX_BYTES) throw new Error(`the answer is longer than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
