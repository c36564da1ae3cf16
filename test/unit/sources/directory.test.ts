import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../../src/kernel/clock.ts';
import { type DirectorySource, directorySource, readDirectory } from '../../../src/sources/directory.ts';
import type { SourceSnapshot } from '../../../src/sources/source.ts';
import { names, stubDecode } from './stub-decode.ts';

/** Patient, since the machine may be busy; prompt, when it is not. */
const eventually = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 10_000, interval: 5 });

let root: string;
let source: DirectorySource | undefined;

beforeEach(() => {
  root = path.join(mkdtempSync(path.join(tmpdir(), 'banyan-directory-')), 'routes');
  mkdirSync(root);
});

afterEach(async () => {
  await source?.close();
  source = undefined;
  rmSync(path.dirname(root), { recursive: true, force: true });
});

function write(file: string, text = ''): void {
  mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
  writeFileSync(path.join(root, file), text);
}

const read = (): Promise<SourceSnapshot> => readDirectory({ directory: root, decode: stubDecode, maxFileBytes: 1000 });
const served = (snapshot: SourceSnapshot | undefined): string[] => names(snapshot?.resources.ofKind('Service') ?? []);
const codes = (snapshot: SourceSnapshot | undefined): string[] =>
  (snapshot?.diagnostics ?? []).map((finding) => `${finding.code} ${finding.location?.file}`).sort();

describe('reading a directory', () => {
  it('takes the namespace from the folder, however deep the file, and from the object at the root', async () => {
    write('orders/a.yaml', 'one\ntwo');
    write('orders/deep/er/b.yml', 'three');
    write('top.yaml', 'four in=billing');
    expect(served(await read())).toEqual(['billing/four', 'orders/one', 'orders/three', 'orders/two']);
  });

  it('passes over what is not meant for it', async () => {
    for (const file of ['orders/.a.yaml.swp', 'orders/a.yaml~', 'orders/#a.yaml#', 'orders/.#a.yaml', 'orders/4913'])
      write(file, 'editor');
    write('node_modules/x/a.yaml', 'package');
    write('.git/a.yaml', 'hidden');
    write('broken/.banyanignore');
    write('broken/a.yaml', 'broken');
    write('orders/drafts/.banyanignore');
    write('orders/drafts/sub/a.yaml', 'draft');
    write('orders/ok.yaml', 'ok');
    const snapshot = await read();
    expect(served(snapshot)).toEqual(['orders/ok']);
    expect(snapshot.diagnostics).toEqual([]);
  });

  it('says of files that look like routes but for their ending that they are not read', async () => {
    for (const file of ['orders/a.json', 'orders/b.YAML', 'orders/.c.json', 'orders/d.jsonl', 'orders/e.yaml.bak'])
      write(file, 'x');
    write('orders/ok.yaml', 'ok');
    const snapshot = await read();
    expect(served(snapshot)).toEqual(['orders/ok']);
    expect(codes(snapshot)).toEqual(['file-passed-over orders/a.json', 'file-passed-over orders/b.YAML']);
  });

  it('reads a folder that is marked to be passed over when it is named itself', async () => {
    write('.banyanignore');
    write('orders/a.yaml', 'ok');
    expect(served(await read())).toEqual(['orders/ok']);
  });

  it('reads a marked folder that is asked for, and no other', async () => {
    for (const folder of ['broken', 'drafts']) {
      write(`${folder}/.banyanignore`);
      write(`${folder}/a.yaml`, 'x');
    }
    const snapshot = await readDirectory({ directory: root, decode: stubDecode, include: ['broken'] });
    expect(served(snapshot)).toEqual(['broken/x']);
  });

  it('says which namespace it takes an object for that nobody names one for', async () => {
    write('a.yaml', 'x\ny in=orders\nz in=');
    const snapshot = await read();
    expect(served(snapshot)).toEqual(['/z', 'default/x', 'orders/y']);
    expect(snapshot.diagnostics).toMatchObject([{ code: 'namespace-assumed', object: { name: 'x' }, refused: false }]);
  });

  it('refuses an object of another namespace than its folder, but not one without a namespace', async () => {
    write('orders/a.yaml', 'stranger in=billing\nown in=orders\ncluster in=');
    const snapshot = await read();
    expect(served(snapshot)).toEqual(['/cluster', 'orders/own']);
    expect(snapshot.diagnostics).toMatchObject([
      { code: 'namespace-mismatch', refused: true, object: { namespace: 'billing' } },
    ]);
  });

  it('says so when there is nothing to serve', async () => {
    expect(codes(await read())).toEqual(['nothing-to-serve undefined']);
    write('orders/a.yaml', '!x');
    expect(codes(await read())).toEqual(['nothing-to-serve undefined', 'unknown-field orders/a.yaml']);
  });

  it('refuses a file that is too large, and one that is no text, and reads the others', async () => {
    write('orders/large.yaml', 'x'.repeat(1001));
    writeFileSync(path.join(root, 'orders/binary.yaml'), Buffer.from([0x66, 0xff, 0xfe]));
    write('orders/ok.yaml', 'ok');
    const snapshot = await read();
    expect(served(snapshot)).toEqual(['orders/ok']);
    expect(codes(snapshot)).toEqual(['yaml-limit orders/large.yaml', 'yaml-syntax orders/binary.yaml']);
  });

  it.skipIf(process.getuid?.() === 0)('reports a file that it may not read', async () => {
    write('orders/secret.yaml', 'secret');
    chmodSync(path.join(root, 'orders/secret.yaml'), 0);
    expect((await read()).diagnostics[0]?.message).toBe('the file cannot be read: permission denied');
  });

  it.each([
    ['is missing', () => rmSync(root, { recursive: true }), /routes cannot be read: it does not exist/],
    [
      'is a file',
      () => {
        rmSync(root, { recursive: true });
        writeFileSync(root, '');
      },
      /routes cannot be read: it is not a directory/,
    ],
  ])('rejects when the directory %s', async (_name, spoil, message) => {
    spoil();
    await expect(read()).rejects.toThrow(message);
  });

  it('follows links within the directory and those of the operator, and no others', async () => {
    write('shared/common.yaml', 'common');
    mkdirSync(path.join(root, '../elsewhere'));
    writeFileSync(path.join(root, '../elsewhere/a.yaml'), 'elsewhere');
    symlinkSync('../elsewhere', path.join(root, 'linked'));
    mkdirSync(path.join(root, 'orders'));
    symlinkSync('../shared/common.yaml', path.join(root, 'orders/common.yaml'));
    symlinkSync('../../elsewhere/a.yaml', path.join(root, 'orders/stolen.yaml'));
    symlinkSync('../../elsewhere', path.join(root, 'orders/stolen'));
    symlinkSync('nothing', path.join(root, 'orders/dangling.yaml'));
    const snapshot = await read();
    expect(served(snapshot)).toEqual(['linked/elsewhere', 'orders/common', 'shared/common']);
    expect(codes(snapshot)).toEqual([
      'link-not-followed orders/dangling.yaml',
      'link-not-followed orders/stolen',
      'link-not-followed orders/stolen.yaml',
    ]);
  });

  it('comes to an end where links go in circles', async () => {
    write('orders/a.yaml', 'a');
    symlinkSync('..', path.join(root, 'orders/up'));
    symlinkSync('self.yaml', path.join(root, 'orders/self.yaml'));
    const snapshot = await read();
    expect(served(snapshot)).toEqual(['orders/a']);
    expect(codes(snapshot)).toEqual(['link-not-followed orders/self.yaml', 'link-not-followed orders/up']);
  });
});

describe('watching a directory', () => {
  let latest: SourceSnapshot;
  let snapshots: number;

  async function start(): Promise<void> {
    snapshots = 0;
    // Polling is put off, so that it is the watches that are tested.
    source = directorySource({ directory: root, decode: stubDecode, pollMs: 60_000 });
    latest = await source.start((snapshot) => {
      latest = snapshot;
      snapshots++;
    });
  }
  const becomes = (...expected: string[]): Promise<void> => eventually(() => expect(served(latest)).toEqual(expected));

  it('says when the first sign of a change was seen', async () => {
    write('orders/a.yaml', 's v=1');
    const seen: (number | undefined)[] = [];
    source = directorySource({ directory: root, decode: stubDecode, pollMs: 60_000 });
    await source.start((_, seenAtMs) => void seen.push(seenAtMs));
    const beganMs = systemClock.monotonicMs();
    write('orders/a.yaml', 's v=2');
    await eventually(() => expect(seen.length).toBeGreaterThan(0));
    expect(seen[0]).toBeGreaterThanOrEqual(beganMs);
    expect(seen[0]).toBeLessThanOrEqual(systemClock.monotonicMs());
  });

  it('sees a file edited, created, renamed and deleted, and a folder come and go', async () => {
    write('orders/a.yaml', 's v=1');
    await start();
    write('orders/a.yaml', 's v=2');
    await becomes('orders/s@2');
    write('orders/b.yaml', 't');
    await becomes('orders/s@2', 'orders/t');
    renameSync(path.join(root, 'orders/b.yaml'), path.join(root, 'orders/b.yaml~'));
    await becomes('orders/s@2');
    write('billing/deep/c.yaml', 'u');
    await becomes('billing/u', 'orders/s@2');
    write('billing/deep/d.yaml', 'w');
    await becomes('billing/u', 'billing/w', 'orders/s@2');
    renameSync(path.join(root, 'billing'), path.join(root, 'invoices'));
    await becomes('invoices/u', 'invoices/w', 'orders/s@2');
    write('invoices/.banyanignore');
    await becomes('orders/s@2');
    unlinkSync(path.join(root, 'invoices/.banyanignore'));
    await becomes('invoices/u', 'invoices/w', 'orders/s@2');
    rmSync(path.join(root, 'orders'), { recursive: true });
    await becomes('invoices/u', 'invoices/w');
  });

  it('sees an editor that saves by renaming, and two edits of one length', async () => {
    write('orders/a.yaml', 's v=1');
    await start();
    write('orders/.a.yaml.swp', 's v=2');
    renameSync(path.join(root, 'orders/.a.yaml.swp'), path.join(root, 'orders/a.yaml'));
    await becomes('orders/s@2');
    write('orders/a.yaml', 's v=3');
    write('orders/a.yaml', 's v=4');
    await becomes('orders/s@4');
  });

  it.each([
    ['a namespace folder', 'orders/', 'orders/s'],
    ['the root', '', 'default/s'],
  ])('sees the swap of a ConfigMap mounted as %s', async (_name, mount, name) => {
    const place = path.join(root, mount);
    const mounted = (version: string): void => {
      mkdirSync(path.join(place, `..${version}`), { recursive: true });
      writeFileSync(path.join(place, `..${version}/a.yaml`), `s v=${version}`);
      symlinkSync(`..${version}`, path.join(place, '..data_tmp'));
      renameSync(path.join(place, '..data_tmp'), path.join(place, '..data'));
    };
    mounted('1');
    symlinkSync('..data/a.yaml', path.join(place, 'a.yaml'));
    await start();
    expect(served(latest)).toEqual([`${name}@1`]);
    mounted('2');
    rmSync(path.join(place, '..1'), { recursive: true });
    await becomes(`${name}@2`);
    mounted('3');
    await becomes(`${name}@3`);
  });

  it('sees the whole directory swapped under its name', async () => {
    rmSync(root, { recursive: true });
    for (const version of ['1', '2']) {
      mkdirSync(path.join(root, `../${version}/orders`), { recursive: true });
      writeFileSync(path.join(root, `../${version}/orders/a.yaml`), `s v=${version}`);
    }
    symlinkSync('1', root);
    await start();
    symlinkSync('2', `${root}.new`);
    renameSync(`${root}.new`, root);
    await becomes('orders/s@2');
    writeFileSync(path.join(root, 'orders/a.yaml'), 's v=3');
    await becomes('orders/s@3');
  });

  it('keeps what a file last said when it breaks, tells that it is frozen, and thaws it', async () => {
    write('orders/a.yaml', 's v=1\nt v=1');
    write('billing/b.yaml', 'u v=1');
    await start();
    write('orders/a.yaml', '!s\nt v=2');
    write('billing/b.yaml', 'u v=2');
    await becomes('billing/u@2', 'orders/s@1', 'orders/t@2');
    expect(latest.frozen).toMatchObject([
      { file: 'orders/a.yaml', namespace: 'orders', reason: 'line 1: unknown field' },
    ]);
    const since = latest.frozen[0]?.sinceMs;
    write('orders/a.yaml', '!\n!\n!');
    await eventually(() => expect(latest.diagnostics).toHaveLength(3));
    expect(served(latest)).toEqual(['billing/u@2', 'orders/s@1', 'orders/t@2']);
    expect(latest.frozen[0]?.sinceMs).toBe(since);
    renameSync(path.join(root, 'orders/a.yaml'), path.join(root, 'orders/c.yaml'));
    write('orders/a.yaml', 's v=3');
    await becomes('billing/u@2', 'orders/s@3');
    expect(latest.frozen).toEqual([]);
  });

  it('keeps a file that is renamed and broken at once, and lets a deleted one go', async () => {
    write('orders/a.yaml', 's v=1');
    await start();
    write('orders/.b', '!s');
    renameSync(path.join(root, 'orders/.b'), path.join(root, 'orders/b.yaml'));
    unlinkSync(path.join(root, 'orders/a.yaml'));
    await eventually(() => expect(latest.frozen).toMatchObject([{ file: 'orders/b.yaml' }]));
    expect(served(latest)).toEqual(['orders/s@1']);
    unlinkSync(path.join(root, 'orders/b.yaml'));
    await becomes();
    expect(latest.frozen).toEqual([]);
  });

  it('keeps everything when the directory itself vanishes, and goes on when it is back', async () => {
    write('orders/a.yaml', 's v=1');
    await start();
    renameSync(root, `${root}.away`);
    await eventually(() => expect(codes(latest)).toEqual(['file-unreadable .']));
    expect(served(latest)).toEqual(['orders/s@1']);
    cpSync(`${root}.away`, root, { recursive: true });
    write('orders/a.yaml', 's v=2');
    await becomes('orders/s@2');
    expect(latest.diagnostics).toEqual([]);
  });

  it('keeps the identity of what did not change, and is silent when nothing did', async () => {
    write('orders/a.yaml', 's v=1');
    write('orders/b.yaml', 't v=1');
    await start();
    const before = latest.resources.get('Service', 'orders', 't');
    write('orders/b.yaml', 't v=1');
    write('orders/README.md', 'hello');
    write('orders/a.yaml', 's v=2');
    await becomes('orders/s@2', 'orders/t@1');
    expect(latest.resources.get('Service', 'orders', 't')).toBe(before);
    source?.refresh();
    write('orders/a.yaml', 's v=3');
    await becomes('orders/s@3', 'orders/t@1');
    expect(snapshots).toBe(2);
  });

  it('finds by polling what no watch tells, and by a refresh at once', async () => {
    write('../outside.yaml', 's v=1');
    symlinkSync('../outside.yaml', path.join(root, 'a.yaml'));
    source = directorySource({ directory: root, decode: stubDecode, pollMs: 30 });
    latest = await source.start((snapshot) => (latest = snapshot));
    write('../outside.yaml', 's v=2');
    await becomes('default/s@2');
    await source.close();
    await start();
    write('../outside.yaml', 's v=3');
    source?.refresh();
    await becomes('default/s@3');
  });
});
