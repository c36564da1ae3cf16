import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { untilTold } from '../../../src/control/lifecycle.ts';
import { createLog, type Log } from '../../../src/control/log.ts';

let events: EventEmitter;
let exits: number[];
let reloads: number;
let lines: string[];
let log: Log;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
  events = new EventEmitter();
  [exits, reloads, lines] = [[], 0, []];
  log = createLog({ format: 'text', level: 'info', nowMs: () => 0, write: (line) => void lines.push(line) });
});
afterEach(() => void vi.useRealTimers());

const wait = () => untilTold({ events, log, reload: () => reloads++, exit: (code) => void exits.push(code) });

describe('the end of the process', () => {
  it.each([
    ['SIGTERM', [], { reason: 'SIGTERM', exitCode: 0 }],
    ['SIGINT', [], { reason: 'SIGINT', exitCode: 0 }],
    ['uncaughtException', [new Error('boom')], { reason: 'an error that nobody caught', exitCode: 1 }],
    ['unhandledRejection', ['boom'], { reason: 'a rejection that nobody caught', exitCode: 1 }],
  ])('comes by %s', async (name, args, expected) => {
    const told = wait();
    events.emit(name, ...args);
    expect(await told).toEqual(expected);
    expect(exits).toEqual([]);
  });

  it('does not come by SIGHUP, which looks at the files', async () => {
    void wait();
    events.emit('SIGHUP');
    events.emit('SIGHUP');
    expect(reloads).toBe(2);
    expect(exits).toEqual([]);
  });

  it('comes at once when it is asked for again, but not for the echo of the first time', async () => {
    const told = wait();
    events.emit('SIGINT');
    await told;
    vi.advanceTimersByTime(300);
    events.emit('SIGINT');
    expect(exits).toEqual([]);
    vi.advanceTimersByTime(1_000);
    events.emit('SIGINT');
    expect(exits).toEqual([1]);
  });

  it('is logged with the stack where something broke', async () => {
    const told = wait();
    events.emit('uncaughtException', new Error('boom'));
    await told;
    expect(lines.join('')).toMatch(/00:00:00 ERROR an error that nobody caught.*boom/);
  });
});

describe('the log', () => {
  it('writes JSON for machines and leaves out what is below its level', () => {
    const json = createLog({ format: 'json', level: 'warn', nowMs: () => 0, write: (line) => void lines.push(line) });
    json.info('no');
    json.warn('yes', { count: 2, missing: undefined });
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      { time: '1970-01-01T00:00:00.000Z', level: 'warn', message: 'yes', count: 2 },
    ]);
  });

  it('writes text for people, on one line whatever the values', () => {
    log.info('served', { file: 'a b.yaml', note: 'x\ny', count: 1, missing: undefined });
    expect(lines).toEqual(['00:00:00 INFO  served  file="a b.yaml"  note="x\\ny"  count=1\n']);
  });
});
