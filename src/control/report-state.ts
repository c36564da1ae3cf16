import { type Diagnostic, formatObjectRef, formatPlace } from '../diagnostics/diagnostic.ts';
import type { FrozenFile } from '../sources/source.ts';
import { describeChange } from './change-log.ts';
import type { Log } from './log.ts';
import type { ControlState } from './reconciler.ts';

/** More new findings at once are counted, not listed. */
const MOST_FINDINGS = 20;

/** Tells the log what a new state brought: what changed for requests, what is newly wrong, what is mended. */
export function reportState(state: ControlState, previous: ControlState | undefined, log: Log): void {
  const change = describeChange(previous?.compilation.table, state.compilation.table);
  if (change !== undefined)
    log.info(previous === undefined ? 'routes in service' : 'routes changed', {
      revision: state.compilation.table.revision,
      ...change,
      compileMs: Math.round(state.compileMs),
    });
  reportFindings(state, previous, log);
  reportFrozen(state, previous, log);
}

function reportFrozen(state: ControlState, previous: ControlState | undefined, log: Log): void {
  const before = new Map(previous?.frozen.map((one) => [one.file, one]));
  for (const one of state.frozen)
    if (!before.delete(one.file)) {
      const { what, fields } = frozenText(one);
      log.warn(`${what} is frozen: what it last said stays in service`, { ...fields, reason: one.reason });
    }
  for (const one of before.values()) {
    const { what, fields } = frozenText(one);
    log.info(`${what} is no longer frozen`, fields);
  }
}

const frozenText = ({ file, object }: FrozenFile) =>
  object === undefined
    ? { what: 'a file', fields: { file } }
    : { what: 'an object', fields: { object: formatObjectRef(object) } };

function reportFindings(state: ControlState, previous: ControlState | undefined, log: Log): void {
  // What was found again is the same object, of thousands; only the rest is compared by what it says.
  const [now, before] = [new Set(state.diagnostics), new Set(previous?.diagnostics)];
  const gone = new Set((previous?.diagnostics ?? []).filter((finding) => !now.has(finding)).map(identity));
  const fresh = state.diagnostics.filter(
    (finding) => finding.severity !== 'hint' && !before.has(finding) && !gone.has(identity(finding)),
  );
  for (const finding of fresh.slice(0, MOST_FINDINGS)) {
    const { code, message, severity, location } = finding;
    log.warn(message, {
      code,
      severity,
      place: location && formatPlace(location),
    });
  }
  if (fresh.length > MOST_FINDINGS)
    log.warn('and more findings', { more: fresh.length - MOST_FINDINGS, seeAlso: '/diagnostics' });
}

/** Without the place: a line that moved is no news. */
const identity = ({ code, message, object, location }: Diagnostic): string =>
  [code, message, object?.kind, object?.namespace, object?.name, location?.file].join('\n');
