import { emptyNamedValue, type NamedValue, readNamedValue } from '../../src/contract/envoy-headers.ts';
import { bytesField, type MessageField, numberField, readMessage, textField } from '../../src/contract/protobuf.ts';

/** envoy.service.auth.v3.CheckResponse. `dynamic_metadata` has nobody here to read it. */
export interface CheckResponse {
  /** Of google.rpc.Status. */
  code: number;
  denied?: Answer;
  ok?: Ok;
  /** `error_response`. */
  failed?: Answer;
}

/** DeniedHttpResponse */
export interface Answer {
  status: number;
  readonly headers: Option[];
  body: Uint8Array;
}

/** OkHttpResponse */
export interface Ok {
  readonly headers: Option[];
  readonly remove: string[];
  readonly responseHeaders: Option[];
  readonly setParameters: NamedValue[];
  readonly removeParameters: string[];
}

/** HeaderValueOption */
export interface Option {
  header: NamedValue;
  append?: boolean;
  action: number;
}

const NOTHING = new Uint8Array(0);
const emptyAnswer = (): Answer => ({ status: 0, headers: [], body: NOTHING });
const emptyOk = (): Ok => ({ headers: [], remove: [], responseHeaders: [], setParameters: [], removeParameters: [] });

type Fields<T> = Readonly<Record<number, MessageField<T>>>;

/** int32 and enums within a message of their own. */
const CODE: Fields<{ code: number }> = {
  1: numberField((into, code) => {
    into.code = code;
  }),
};

const codeIn = (message: Uint8Array): number => readMessage(message, { code: 0 }, CODE).code;

const OPTION: Fields<Option> = {
  1: bytesField((into, message) => {
    into.header = readNamedValue(message);
  }),
  2: bytesField((into, message) => {
    into.append = codeIn(message) !== 0;
  }),
  3: numberField((into, action) => {
    into.action = action;
  }),
};

const readOption = (message: Uint8Array): Option =>
  readMessage<Option>(message, { header: emptyNamedValue(), action: 0 }, OPTION);

const ANSWER: Fields<Answer> = {
  1: bytesField((into, message) => {
    into.status = codeIn(message);
  }),
  2: bytesField((into, message) => into.headers.push(readOption(message))),
  3: bytesField((into, body) => {
    into.body = body;
  }),
};

const OK: Fields<Ok> = {
  2: bytesField((into, message) => into.headers.push(readOption(message))),
  5: textField((into, name) => into.remove.push(name)),
  6: bytesField((into, message) => into.responseHeaders.push(readOption(message))),
  7: bytesField((into, message) => into.setParameters.push(readNamedValue(message))),
  8: textField((into, name) => into.removeParameters.push(name)),
};

const RESPONSE: Fields<CheckResponse> = {
  1: bytesField((into, message) => {
    into.code = codeIn(message);
  }),
  2: bytesField((into, message) => {
    into.denied = readMessage(message, emptyAnswer(), ANSWER);
  }),
  3: bytesField((into, message) => {
    into.ok = readMessage(message, emptyOk(), OK);
  }),
  5: bytesField((into, message) => {
    into.failed = readMessage(message, emptyAnswer(), ANSWER);
  }),
};

export const readCheckResponse = (message: Uint8Array): CheckResponse =>
  readMessage<CheckResponse>(message, { code: 0 }, RESPONSE);
