import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LogRelay } from '../../../src/main/log-relay.ts';

let dir: string;
let file: string;
let descriptor: number;

beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'banyan-relay-'));
  file = path.join(dir, 'log');
  descriptor = openSync(file, 'w');
});
afterEach(() => rmSync(dir, { recursive: true }));

describe('the relay of log lines', () => {
  it('keeps lines whole that come in pieces from several sides', async () => {
    const relay = new LogRelay(descriptor);
    const [one, two] = [new PassThrough(), new PassThrough()];
    relay.attach(one);
    relay.attach(two);
    one.write('begun');
    two.write('other\nhalf');
    one.write(' and ended\nlast');
    one.end();
    two.end(' done\n');
    await vi.waitFor(() => {
      const lines = readFileSync(file, 'utf8').split('\n').sort();
      expect(lines).toEqual(['', 'begun and ended', 'half done', 'last', 'other']);
    });
    await relay.flush(100);
    expect(relay.dropped).toBe(0);
  });

  it('counts the lines that cannot be written, and goes on', async () => {
    closeSync(descriptor);
    descriptor = openSync(file, 'r');
    const relay = new LogRelay(descriptor);
    const stream = new PassThrough();
    relay.attach(stream);
    stream.end('a\nb\n');
    await vi.waitFor(() => expect(relay.dropped).toBe(2));
  });
});
