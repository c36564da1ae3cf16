import { toBytes } from '../../src/contract/index.ts';
import type { JwtRuleSettings } from './config.ts';
import type { JsonObject } from './strict-json.ts';
import type { ParsedToken } from './token.ts';

export type HeaderLine = readonly [name: string, value: string];

/** What a rule writes of a verified token; undefined: a claim that no header can carry. */
export function outputLines(rule: JwtRuleSettings, token: ParsedToken): readonly HeaderLine[] | undefined {
  const lines: HeaderLine[] = rule.payloadHeader === undefined ? [] : [[rule.payloadHeader, token.payload]];
  for (const { header, claim } of rule.claimHeaders) {
    const text = claimText(claimAt(token.claims, claim));
    if (text === undefined || text === '') continue;
    if (hasControl(text)) return undefined;
    lines.push([header, toBytes(text)]);
  }
  return lines;
}

/** A control character but a tab would end the header, or be refused further on (edge-security J-15.16). */
function hasControl(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if ((code < 0x20 && code !== 0x09) || code === 0x7f) return true;
  }
  return false;
}

function claimAt(claims: JsonObject, path: readonly string[]): unknown {
  let value: unknown = claims;
  for (const name of path) {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, name))
      return undefined;
    value = (value as JsonObject)[name];
  }
  return value;
}

/** istio-semantics §6.1, `outputClaimToHeaders`. */
function claimText(value: unknown): string | undefined {
  switch (typeof value) {
    case 'string':
      return value;
    case 'boolean':
      return String(value);
    case 'number':
      return numberText(value);
    case 'object':
      return value === null ? undefined : Buffer.from(compactJson(value)).toString('base64');
    default:
      return undefined;
  }
}

/** Protobuf's JSON, which has no bare angle brackets. */
const compactJson = (value: object): string =>
  JSON.stringify(value).replaceAll('<', '\\u003c').replaceAll('>', '\\u003e');

/** Whole numbers from 0 to 2^64 as they are, all others as C's `%f` has them. */
function numberText(value: number): string | undefined {
  if (!Number.isFinite(value)) return undefined;
  if (Number.isInteger(value) && value >= 0 && value < 2 ** 64) return BigInt(value).toString();
  if (Math.abs(value) >= 1e21) return `${BigInt(value)}.000000`;
  return sixDecimals(value);
}

/** Halves go to the even digit, as in C; `toFixed` takes them up. Only odd multiples of 1/128 end in such a half. */
function sixDecimals(value: number): string {
  const isHalf = Number.isInteger(value * 128) && Math.abs(value * 128) % 2 === 1;
  const down = value.toFixed(7).slice(0, -1);
  return isHalf && Number(down.at(-1)) % 2 === 0 ? down : value.toFixed(6);
}
