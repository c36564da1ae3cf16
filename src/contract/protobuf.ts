import { BinaryReader, type BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

/** How a field of a message is read into what is made of it. */
export interface MessageField<T> {
  readonly wire: WireType;
  readonly read: (into: T, reader: BinaryReader) => void;
}

/**
 * Messages written by hand, field by field: a handful of fields of a few messages are all that the gateway speaks, and
 * generated classes with their descriptors would be a hundred times the code. The process may run with
 * --disallow-code-generation-from-strings, so that nothing may be generated when it starts either.
 */
export function readMessage<T>(bytes: Uint8Array, into: T, fields: Readonly<Record<number, MessageField<T>>>): T {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [number, wire] = reader.tag();
    const field = fields[number];
    // Another type than known is an unknown field too: both are passed over.
    if (field?.wire === wire) field.read(into, reader);
    else reader.skip(wire, number);
  }
  return into;
}

export const textField = <T>(take: (into: T, value: string) => void): MessageField<T> => ({
  wire: WireType.LengthDelimited,
  read: (into, reader) => take(into, reader.string()),
});

/** Also for a message within: its bytes are read by `readMessage` in turn. */
export const bytesField = <T>(take: (into: T, value: Uint8Array) => void): MessageField<T> => ({
  wire: WireType.LengthDelimited,
  read: (into, reader) => take(into, reader.bytes()),
});

/** Of uint32, bool and enums, and of whatever else is never negative and below 2^32. */
export const numberField = <T>(take: (into: T, value: number) => void): MessageField<T> => ({
  wire: WireType.Varint,
  read: (into, reader) => take(into, reader.uint32()),
});

/** proto3: what is empty is not sent. */
export function writeText(writer: BinaryWriter, field: number, value: string): void {
  if (value !== '') writer.tag(field, WireType.LengthDelimited).string(value);
}

/** Of a number below 2^32, whatever the field's type. */
export function writeNumber(writer: BinaryWriter, field: number, value: number): void {
  if (value !== 0) writer.tag(field, WireType.Varint).uint32(value);
}

export function writeMessage(writer: BinaryWriter, field: number, write: (writer: BinaryWriter) => void): void {
  writer.tag(field, WireType.LengthDelimited).fork();
  write(writer);
  writer.join();
}
