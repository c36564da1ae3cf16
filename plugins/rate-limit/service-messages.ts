import { BinaryWriter } from '@bufbuild/protobuf/wire';
import { headerLineOf, readNamedValue } from '../../src/contract/envoy-headers.ts';
import {
  bytesField,
  type MessageField,
  numberField,
  readMessage,
  writeMessage,
  writeText,
} from '../../src/contract/protobuf.ts';

export type Entry = readonly [key: string, value: string];
type Line = readonly [name: string, value: string];

/** envoy.service.ratelimit.v3.RateLimitRequest: one hit on each of the descriptors. */
export function encodeRequest(domain: string, descriptors: readonly (readonly Entry[])[]): Uint8Array {
  const writer = new BinaryWriter();
  writeText(writer, 1, domain);
  for (const entries of descriptors)
    writeMessage(writer, 2, () => {
      for (const [key, value] of entries)
        writeMessage(writer, 1, () => {
          writeText(writer, 1, key);
          writeText(writer, 2, value);
        });
    });
  return writer.finish();
}

/** envoy.service.ratelimit.v3.RateLimitResponse. Quotas and `dynamic_metadata` have nobody here to read them. */
export interface RateLimitResponse {
  code: number;
  /** Of the descriptors, in their order. */
  readonly statuses: DescriptorStatus[];
  readonly responseHeaders: Line[];
  readonly requestHeaders: Line[];
  body: Uint8Array;
}

export const OK = 1;
export const OVER_LIMIT = 2;

export interface DescriptorStatus {
  code: number;
  /** Requests in a unit of time; 0: no limit fits the descriptor, or none is told. */
  requests: number;
  unitMs: number;
  remaining: number;
  resetMs: number | undefined;
}

/** By RateLimit.Unit: unknown, second, minute, hour, day, month, year, week. */
const UNITS_MS = [0, 1, 60, 3_600, 86_400, 30 * 86_400, 365 * 86_400, 7 * 86_400].map((seconds) => seconds * 1_000);

type Fields<T> = Readonly<Record<number, MessageField<T>>>;

const LIMIT: Fields<DescriptorStatus> = {
  1: numberField((into, requests) => {
    into.requests = requests;
  }),
  2: numberField((into, unit) => {
    into.unitMs = UNITS_MS[unit] ?? 0;
  }),
};

const DURATION: Fields<{ seconds: number; nanos: number }> = {
  1: numberField((into, seconds) => {
    into.seconds = seconds;
  }),
  2: numberField((into, nanos) => {
    into.nanos = nanos;
  }),
};

const STATUS: Fields<DescriptorStatus> = {
  1: numberField((into, code) => {
    into.code = code;
  }),
  2: bytesField((into, message) => void readMessage(message, into, LIMIT)),
  3: numberField((into, remaining) => {
    into.remaining = remaining;
  }),
  4: bytesField((into, message) => {
    const { seconds, nanos } = readMessage(message, { seconds: 0, nanos: 0 }, DURATION);
    into.resetMs = seconds * 1_000 + nanos / 1e6;
  }),
};

const emptyStatus = (): DescriptorStatus => ({ code: 0, requests: 0, unitMs: 0, remaining: 0, resetMs: undefined });

const RESPONSE: Fields<RateLimitResponse> = {
  1: numberField((into, code) => {
    into.code = code;
  }),
  2: bytesField((into, message) => into.statuses.push(readMessage(message, emptyStatus(), STATUS))),
  3: bytesField((into, message) => into.responseHeaders.push(headerLineOf(readNamedValue(message)))),
  4: bytesField((into, message) => into.requestHeaders.push(headerLineOf(readNamedValue(message)))),
  5: bytesField((into, body) => {
    into.body = Buffer.from(body);
  }),
};

/** Throws where it is none, or holds what cannot stand in an HTTP message. */
export const decodeResponse = (message: Uint8Array): RateLimitResponse =>
  readMessage<RateLimitResponse>(
    message,
    { code: 0, statuses: [], responseHeaders: [], requestHeaders: [], body: new Uint8Array(0) },
    RESPONSE,
  );
