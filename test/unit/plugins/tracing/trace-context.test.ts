import { describe, expect, it } from 'vitest';
import { readTraceParent, unrecorded, writeTraceParent } from '../../../../plugins/tracing/trace-context.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';

describe('traceparent', () => {
  it.each<[string, string, boolean]>([
    ['sampled', `00-${TRACE}-${SPAN}-01`, true],
    ['not sampled', `00-${TRACE}-${SPAN}-00`, false],
    ['other flags beside', `00-${TRACE}-${SPAN}-03`, true],
    ['other flags alone', `00-${TRACE}-${SPAN}-fe`, false],
    ['a later version', `01-${TRACE}-${SPAN}-01`, true],
    ['a later version with more behind', `cc-${TRACE}-${SPAN}-01-what-the-future-will-be`, true],
    ['spaces around', ` 00-${TRACE}-${SPAN}-01 `, true],
  ])('is read: %s', (_name, line, sampled) => {
    expect(readTraceParent([line])).toEqual({ traceId: TRACE, spanId: SPAN, sampled });
  });

  it.each([
    ['none', []],
    ['two', [`00-${TRACE}-${SPAN}-01`, `00-${TRACE}-${SPAN}-01`]],
    ['joined', [`00-${TRACE}-${SPAN}-01,00-${TRACE}-${SPAN}-01`]],
    ['empty', ['']],
    ['version ff', [`ff-${TRACE}-${SPAN}-01`]],
    ['version 00 with more behind', [`00-${TRACE}-${SPAN}-01-x`]],
    ['a later version with more that is not set apart', [`01-${TRACE}-${SPAN}-01x`]],
    ['no trace', [`00-${'0'.repeat(32)}-${SPAN}-01`]],
    ['no span', [`00-${TRACE}-${'0'.repeat(16)}-01`]],
    ['capitals', [`00-${TRACE.toUpperCase()}-${SPAN}-01`]],
    ['too short', [`00-${TRACE.slice(1)}-${SPAN}-01`]],
    ['no hex', [`00-${TRACE.slice(1)}g-${SPAN}-01`]],
    ['no flags', [`00-${TRACE}-${SPAN}`]],
    ['a line break', [`00-${TRACE}-${SPAN}-01\r\nx: y`]],
  ])('is not taken: %s', (_name, lines) => {
    expect(readTraceParent(lines)).toBeUndefined();
  });

  it('is written as it is read', () => {
    const parent = { traceId: TRACE, spanId: SPAN, sampled: true };
    expect(readTraceParent([writeTraceParent(parent)])).toEqual(parent);
  });

  it('of a span that nobody records goes on with the caller’s trace, under a new span', () => {
    const own = unrecorded({ traceId: TRACE, spanId: SPAN, sampled: false });
    expect(own).toMatchObject({ traceId: TRACE, sampled: false });
    expect(own.spanId).not.toBe(SPAN);
    expect(readTraceParent([writeTraceParent(own)])).toEqual(own);
    const begun = unrecorded(undefined);
    expect(readTraceParent([writeTraceParent(begun)])).toEqual(begun);
    expect(unrecorded(undefined).traceId).not.toBe(begun.traceId);
  });
});
