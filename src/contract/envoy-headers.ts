import { toBytes } from '../table/bytes.ts';
import { isHeaderName, isHeaderValue } from './header-syntax.ts';
import { bytesField, type MessageField, readMessage, textField } from './protobuf.ts';

/** envoy.config.core.v3.HeaderValue, and whatever else is a name and a value. */
export interface NamedValue {
  name: string;
  value: string;
  raw: Uint8Array;
}

/** Well-formed, but nothing that could stand in an HTTP message. */
export class InvalidAnswer extends Error {}

const NAMED_VALUE: Readonly<Record<number, MessageField<NamedValue>>> = {
  1: textField((into, name) => {
    into.name = name;
  }),
  2: textField((into, value) => {
    into.value = value;
  }),
  3: bytesField((into, raw) => {
    into.raw = raw;
  }),
};

export const emptyNamedValue = (): NamedValue => ({ name: '', value: '', raw: new Uint8Array(0) });

export const readNamedValue = (message: Uint8Array): NamedValue => readMessage(message, emptyNamedValue(), NAMED_VALUE);

/** As header lines are here: the name in lower case, the value one character a byte. */
export function headerLineOf({ name, value, raw }: NamedValue): readonly [name: string, value: string] {
  const bytes = value === '' ? Buffer.from(raw).toString('latin1') : toBytes(value);
  if (!isHeaderName(name)) throw new InvalidAnswer(`${JSON.stringify(name)} is no name of a header`);
  if (!isHeaderValue(bytes)) throw new InvalidAnswer(`the value of ${name} has a control character`);
  return [name.toLowerCase(), bytes.trim()];
}
