import type { Exchange, ResponseHead } from '../../src/contract/index.ts';
import type { Algorithm, Compression } from './config.ts';

/**
 * May this answer be compressed at all, whoever asks? Never what is compressed already, what must not be changed, what is
 * a part, what has a digest of its own bytes, a stream of events, or gRPC.
 */
export function isCompressible(exchange: Exchange, head: ResponseHead, settings: Compression): boolean {
  const { status, headers, bodyLength } = head;
  if (bodyLength !== undefined && bodyLength < settings.minBytes) return false;
  if (status < 200 || status === 204 || status === 205 || status === 206 || status === 304 || exchange.isGrpc)
    return false;
  if (UNTOUCHED.some((name) => headers.has(name))) return false;
  if (noTransform(headers.getAll('cache-control')) || noTransform(exchange.headers.getAll('cache-control')))
    return false;
  return fitsType(headers.get('content-type'), settings.contentTypes);
}

const UNTOUCHED: readonly string[] = [
  'content-encoding',
  'content-range',
  'content-digest',
  'repr-digest',
  'digest',
  'content-md5',
];

/** RFC 9111 §5.2: a request may forbid it as well as an answer. */
const noTransform = (lines: readonly string[]): boolean =>
  lines.some((line) => line.split(',').some((part) => part.trim().toLowerCase() === 'no-transform'));

function fitsType(contentType: string | undefined, wanted: readonly string[]): boolean {
  const type = (contentType?.split(';')[0] ?? '').trim().toLowerCase();
  if (type === '' || type === 'text/event-stream' || type.startsWith('application/grpc')) return false;
  return wanted.includes(type) || wanted.includes(`${type.split('/')[0]}/*`);
}

/** RFC 9110 §12.5.3: by the client's weights, then by our preference; undefined: as it is. */
export function chooseEncoding(lines: readonly string[], preferred: readonly Algorithm[]): Algorithm | undefined {
  if (lines.length === 0) return undefined;
  const weights = new Map(lines.join(',').split(',').map(weightOf));
  const weight = (name: string): number | undefined =>
    weights.get(name) ?? (name === 'gzip' ? weights.get('x-gzip') : undefined);
  let best: Algorithm | undefined;
  let most = 0;
  for (const algorithm of preferred) {
    const given = weight(algorithm) ?? weights.get('*') ?? 0;
    if (given <= most) continue;
    best = algorithm;
    most = given;
  }
  return most < (weights.get('identity') ?? 0) ? undefined : best;
}

function weightOf(part: string): [string, number] {
  const [name = '', ...parameters] = part.split(';').map((text) => text.trim().toLowerCase());
  const given = parameters.find((text) => text.startsWith('q='));
  const weight =
    given === undefined ? 1 : /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(given.slice(2)) ? Number(given.slice(2)) : 0;
  return [name, weight];
}
