import { beforeEach, describe, expect, it } from 'vitest';
import { createLog, type Log } from '../../../src/control/log.ts';
import type { ControlState } from '../../../src/control/reconciler.ts';
import { reportState } from '../../../src/control/report-state.ts';
import type { Diagnostic } from '../../../src/diagnostics/diagnostic.ts';
import { report } from '../../../src/diagnostics/report.ts';
import { stateOf } from '../admin/state.ts';
import { SHOP } from '../cli/run.ts';

let lines: string[];
let log: Log;
beforeEach(() => {
  lines = [];
  log = createLog({
    format: 'text',
    level: 'info',
    nowMs: () => 0,
    write: (line) => void lines.push(line.slice(9).trimEnd()),
  });
});

const edited = (from: string, to: string): Readonly<Record<string, string>> => ({
  ...SHOP,
  'shop/cart.yaml': (SHOP['shop/cart.yaml'] as string).replace(from, to),
});
const finding = (message: string, line: number): Diagnostic =>
  report('dangling-destination', { message, location: { file: 'shop/cart.yaml', line, column: 1 } });
const withFindings = (state: ControlState, ...diagnostics: Diagnostic[]): ControlState => ({ ...state, diagnostics });
const said = (state: ControlState, previous?: ControlState): readonly string[] => {
  lines = [];
  reportState(state, previous, log);
  return lines;
};

describe('what the log says of a new state', () => {
  it('counts everything at first', () => {
    expect(said(stateOf(SHOP))).toEqual([
      expect.stringMatching(/^INFO {2}routes in service .*routes=3 {2}hosts=1 {2}ports=80 {2}clusters=1/),
    ]);
  });

  it.each([
    [
      'a route that changed',
      edited('prefix: /cart/', 'prefix: /basket/'),
      /routes=~1 {2}hosts=shop\.example\.com {2}namespaces=shop/,
    ],
    [
      'a route that is new',
      edited(
        'redirect: { uri: /cart/ }',
        'redirect: { uri: /cart/ }\n    - name: new\n      match: [{ uri: { exact: /new } }]\n      redirect: { uri: /x }',
      ),
      /routes=\+1/,
    ],
    [
      'a host that is gone',
      { 'infra/gateway.yaml': SHOP['infra/gateway.yaml'] as string },
      /hosts=shop\.example\.com.*clusters=-1/,
    ],
  ])('tells of %s', (_name, files, expected) => {
    expect(said(stateOf(files), stateOf(SHOP))[0]).toMatch(expected);
  });

  it('is silent when nothing changed', () => {
    expect(said(stateOf(SHOP), stateOf(SHOP))).toEqual([]);
  });

  it('tells findings once, wherever they move to, and again when they come back', () => {
    const state = stateOf(SHOP);
    const one = withFindings(state, finding('no such host', 7));
    expect(said(one, state)).toEqual([expect.stringMatching(/^WARN {2}no such host .*place=shop\/cart\.yaml:7/)]);
    expect(said(withFindings(state, finding('no such host', 9)), one)).toEqual([]);
    expect(said(withFindings(state, finding('no such host', 9), finding('another', 9)), one)).toHaveLength(1);
    expect(said(state, one)).toEqual([]);
    expect(said(one, state)).toHaveLength(1);
  });

  it('does not flood the log', () => {
    const many = withFindings(stateOf(SHOP), ...Array.from({ length: 50 }, (_, i) => finding(`finding ${i}`, 1)));
    const all = said(many, stateOf(SHOP));
    expect(all).toHaveLength(21);
    expect(all.at(-1)).toContain('more=30');
  });

  it('tells when a file freezes and thaws', () => {
    const state = stateOf(SHOP);
    const frozen = {
      ...state,
      frozen: [{ file: 'shop/cart.yaml', namespace: 'shop', sinceMs: 0, reason: 'line 1: broken' }],
    };
    expect(said(frozen, state)).toEqual([expect.stringMatching(/^WARN {2}a file is frozen.*file=shop\/cart\.yaml/)]);
    expect(said(frozen, frozen)).toEqual([]);
    expect(said(state, frozen)).toEqual([expect.stringMatching(/^INFO {2}a file is no longer frozen/)]);
  });

  it('names an object of a cluster, which is no file and has no lines', () => {
    const state = stateOf(SHOP);
    const object = { kind: 'VirtualService', namespace: 'shop', name: 'cart' };
    const file = 'VirtualService/shop/cart';
    const frozen = { ...state, frozen: [{ file, object, namespace: 'shop', sinceMs: 0, reason: 'broken' }] };
    expect(said(frozen, state)).toEqual([
      expect.stringMatching(/^WARN {2}an object is frozen.*object="VirtualService shop\/cart" {2}reason=broken/),
    ]);
    expect(said(state, frozen)).toEqual([expect.stringMatching(/^INFO {2}an object is no longer frozen/)]);
    const found = withFindings(state, { ...finding('no such host', 0), location: { file, line: 0, column: 0 } });
    expect(said(found, state)).toEqual([expect.stringMatching(/place="VirtualService shop\/cart"/)]);
  });
});
