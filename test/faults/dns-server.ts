import dgram from 'node:dgram';
import { once } from 'node:events';

/** What the name server says; for A alone. */
export type Zone =
  | { readonly kind: 'addresses'; readonly addresses: readonly string[]; readonly ttl: number }
  | { readonly kind: 'no-such-name' }
  | { readonly kind: 'failure' }
  | { readonly kind: 'silence' };

export interface NameServer {
  zone: Zone;
  /** Questions for addresses since it was last asked. */
  questions(): number;
  close(): void;
}

const A = 1;
const NO_SUCH_NAME = 3;
const FAILURE = 2;

/** On port 53 of a network of its own. */
export async function startNameServer(name: string, zone: Zone): Promise<NameServer> {
  const socket = dgram.createSocket('udp4');
  let questions = 0;
  const server: NameServer = {
    zone,
    questions() {
      const asked = questions;
      questions = 0;
      return asked;
    },
    close: () => socket.close(),
  };
  socket.on('message', (message, from) => {
    const asked = questionOf(message);
    if (asked.name === name && asked.type === A) questions += 1;
    const answer = answerTo(message, asked, asked.name === name ? server.zone : { kind: 'no-such-name' });
    if (answer !== undefined) socket.send(answer, from.port, from.address);
  });
  socket.bind(53, '127.0.0.1');
  await once(socket, 'listening');
  return server;
}

interface Question {
  readonly name: string;
  readonly type: number;
  readonly end: number;
}

function questionOf(message: Buffer): Question {
  const labels: string[] = [];
  let at = 12;
  for (let length = message[at] ?? 0; length > 0; length = message[at] ?? 0) {
    labels.push(message.toString('latin1', at + 1, at + 1 + length));
    at += length + 1;
  }
  return { name: labels.join('.').toLowerCase(), type: message.readUInt16BE(at + 1), end: at + 5 };
}

function answerTo(message: Buffer, { type, end }: Question, zone: Zone): Buffer | undefined {
  if (zone.kind === 'silence') return undefined;
  const records =
    zone.kind === 'addresses' && type === A ? zone.addresses.map((address) => record(address, zone.ttl)) : [];
  const head = Buffer.from(message.subarray(0, 12));
  head[2] = 0x84 | ((head[2] as number) & 1);
  head[3] = 0x80 | (zone.kind === 'failure' ? FAILURE : zone.kind === 'no-such-name' ? NO_SUCH_NAME : 0);
  head.writeUInt16BE(records.length, 6);
  head.writeUInt32BE(0, 8);
  return Buffer.concat([head, message.subarray(12, end), ...records]);
}

function record(address: string, ttl: number): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt16BE(0xc00c, 0);
  bytes.writeUInt16BE(A, 2);
  bytes.writeUInt16BE(1, 4);
  bytes.writeUInt32BE(ttl, 6);
  bytes.writeUInt16BE(4, 10);
  for (const [i, part] of address.split('.').entries()) bytes[12 + i] = Number(part);
  return bytes;
}
