import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { type ConnectionFacts, type Exchange, fromBytes, headerLines } from '../../src/contract/index.ts';
import { writeMessage, writeNumber, writeText } from '../../src/contract/protobuf.ts';
import { bodyBytes, type CheckBody, PARTIAL_BODY } from './check.ts';
import type { BodyInCheck, GrpcProvider } from './provider.ts';
import { wellFormed } from './well-formed.ts';

/**
 * `envoy.service.auth.v3.CheckRequest` with the attributes that Envoy sets by Istio's configuration: both ends of the
 * connection, the request with all of its headers, and its body where it is asked for (istio-semantics §6.2, ext).
 */
export function encodeCheck(
  exchange: Exchange,
  { body: wanted }: GrpcProvider,
  body: CheckBody | undefined,
): Uint8Array {
  return encodeAttributes(exchange, (writer) =>
    writeMessage(writer, 4, () => {
      writeMessage(writer, 1, () => writeTime(writer, exchange.record.startedAtMs));
      writeMessage(writer, 2, () => writeRequest(writer, exchange, body, wanted));
    }),
  );
}

/** The same of a connection whose bytes are passed on as they are: there is no request to tell of. */
export const encodeConnectionCheck = (connection: ConnectionFacts): Uint8Array =>
  encodeAttributes({ ...connection, remoteAddress: connection.clientAddress }, () => {});

function encodeAttributes(ends: ConnectionEnds, writeMore: (writer: BinaryWriter) => void): Uint8Array {
  const writer = new BinaryWriter();
  const { tls } = ends;
  writeMessage(writer, 1, () => {
    // The port of the client is not known here.
    writeMessage(writer, 1, () => writePeer(writer, ends.remoteAddress, 0, principalOf(ends)));
    writeMessage(writer, 2, () =>
      writePeer(writer, ends.localAddress, ends.listenerPort, tls?.client?.serverUri ?? ''),
    );
    writeMore(writer);
    if (tls !== undefined) writeMessage(writer, 12, () => writeText(writer, 1, tls.serverName ?? ''));
  });
  return writer.finish();
}

type ConnectionEnds = Pick<Exchange, 'remoteAddress' | 'localAddress' | 'listenerPort' | 'tls'>;

/** Of a verified client certificate: its first URI, else its first DNS name, else its subject. */
function principalOf({ tls }: ConnectionEnds): string {
  const client = tls?.client;
  return client === undefined ? '' : (client.uris[0] ?? client.dnsNames[0] ?? client.subject);
}

function writePeer(writer: BinaryWriter, address: string, port: number, principal: string): void {
  writeMessage(writer, 1, () =>
    writeMessage(writer, 1, () => {
      writeText(writer, 2, address);
      writeNumber(writer, 3, port);
    }),
  );
  writeText(writer, 4, principal);
}

function writeTime(writer: BinaryWriter, ms: number): void {
  const seconds = Math.floor(ms / 1000);
  writeNumber(writer, 1, seconds);
  writeNumber(writer, 2, Math.floor((ms - seconds * 1000) * 1e6));
}

function writeRequest(
  writer: BinaryWriter,
  exchange: Exchange,
  body: CheckBody | undefined,
  wanted: BodyInCheck | undefined,
): void {
  writeText(writer, 1, exchange.record.requestId);
  writeText(writer, 2, exchange.method);
  for (const [name, value] of headersOf(exchange, body))
    writeMessage(writer, 3, () => {
      writeText(writer, 1, name);
      writeText(writer, 2, fromBytes(wellFormed(value)));
    });
  writeText(writer, 4, fromBytes(wellFormed(exchange.path + exchange.query)));
  writeText(writer, 5, fromBytes(wellFormed(exchange.authority)));
  writeText(writer, 6, exchange.scheme);
  writeNumber(writer, 9, body?.bytes.length ?? 0);
  writeText(writer, 10, exchange.record.protocol);
  if (body === undefined) return;
  const bytes = bodyBytes(body, wanted);
  if (wanted?.packAsBytes === true) writer.tag(12, WireType.LengthDelimited).bytes(bytes);
  else writeText(writer, 11, Buffer.from(bytes).toString('utf8'));
}

/** Each name once, as Envoy has them: with what HTTP/2 writes as headers, and lines of one name joined. */
function headersOf(exchange: Exchange, body: CheckBody | undefined): ReadonlyMap<string, string> {
  const headers = new Map([
    [':authority', exchange.authority],
    [':method', exchange.method],
    [':path', exchange.path + exchange.query],
    [':scheme', exchange.scheme],
  ]);
  for (const [name] of exchange.headers) {
    if (headers.has(name) || name === 'host' || name === PARTIAL_BODY) continue;
    headers.set(name, headerLines(exchange.headers, name).join(','));
  }
  if (body !== undefined) headers.set(PARTIAL_BODY, String(!body.complete));
  return headers;
}
