import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { HeaderList } from '../../contract/headers.ts';
import { headerName } from '../header-fields.ts';
import { httpDate } from './http-date.ts';

/** Framing is the lane's business, and says what the lane does, not what others did. */
const FRAMING = new Set(['connection', 'content-length', 'keep-alive', 'transfer-encoding']);

export interface AnswerFraming {
  readonly status: number;
  /** undefined: unknown. */
  readonly bodyLength: number | undefined;
  readonly chunked: boolean;
  readonly nowMs: number;
}

/** The header lines of an HTTP/1.1 answer as they go on the wire, in their order: name, value … */
export function framedLines(headers: HeaderList, framing: AnswerFraming): string[] {
  const { status, bodyLength, chunked } = framing;
  const given = headers.raw();
  const lines: string[] = [];
  let dated = false;
  for (let i = 0; i < given.length; i += 2) {
    const name = given[i] as string;
    // Announced trailers beside a length are a contradiction that node throws at (edge-security F-36).
    if (FRAMING.has(name) || (name === 'trailer' && !chunked)) continue;
    if (name === 'date') dated = true;
    lines.push(name, given[i + 1] as string);
  }
  if (chunked) lines.push('transfer-encoding', 'chunked');
  else if (bodyLength !== undefined && status !== 204 && (status !== 304 || bodyLength > 0))
    lines.push('content-length', String(bodyLength));
  if (!dated) lines.push('date', httpDate(framing.nowMs));
  return lines;
}

const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Status line and fields as they go on the wire; undefined: HTTP/1.1 cannot carry them, and half a head would be worse than none. */
export function headText(status: number, lines: readonly string[]): string | undefined {
  if (status < 100 || status > 999) return undefined;
  let text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'unknown'}\r\n`;
  for (let i = 0; i < lines.length; i += 2) {
    const name = lines[i] as string;
    const value = lines[i + 1] as string;
    if (headerName(name) === undefined || !VALUE.test(value)) return undefined;
    text += `${name}: ${value}\r\n`;
  }
  return `${text}\r\n`;
}

/**
 * An interim answer on its way to a client of HTTP/1.1, without what belongs to one hop. Nobody waits for it: where the client
 * takes nothing it is left out, or a service could fill the memory with them.
 */
export function sendInterim(socket: Socket, status: number, headers: HeaderList): void {
  if (socket.writableNeedDrain || socket.destroyed) return;
  const lines: string[] = [];
  for (const [name, value] of headers) if (!FRAMING.has(name) && name !== 'trailer') lines.push(name, value);
  const text = headText(status, lines);
  if (text !== undefined) socket.write(text, 'latin1');
}

/** One character a byte: joining head and body to one write is worth the copy where the body is small. */
export const asText = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
