import { createPrivateKey, hash, X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { compareStrings } from '../kernel/compare.ts';
import { reasonOf } from '../kernel/reason-of.ts';
import type { Handle } from '../table/handle.ts';
import { filesOf, isFileCa, isFilePair } from '../table/index.ts';
import type { Credential, CredentialTable, RouteTable } from '../table/model.ts';
import type { Log } from './log.ts';

export interface FileCredentialsOptions {
  /** Where the Secrets' credentials and those from files are published together. */
  readonly target: Handle<CredentialTable>;
  readonly log: Log;
  /** How often files are looked at for a rotation. Default 1 s. */
  readonly pollMs?: number;
}

/**
 * Key material that Gateways and DestinationRules name by file (`serverCertificate`, `caCertificates` …). The compiler
 * reads no files: it leaves names in the table that say which file is meant, and these are filled in here and again
 * whenever a file changes.
 */
export interface FileCredentials {
  /** A new table and the Secrets' credentials that go with it; published before this returns. */
  update(table: RouteTable, fromSecrets: CredentialTable): void;
  close(): void;
}

const POLL_MS = 1_000;
/** No certificate is that large; whatever is, was not meant. */
const MAX_BYTES = 1_048_576;

export function createFileCredentials({ target, log, pollMs = POLL_MS }: FileCredentialsOptions): FileCredentials {
  const entries = new Map<string, Entry>();
  let secrets: CredentialTable = { revision: '', credentials: {} };

  const publish = (): void => {
    const revision = entries.size === 0 ? secrets.revision : combinedRevision(secrets.revision, entries);
    if (target.current()?.revision === revision) return;
    const files = [...entries].flatMap(([name, entry]) =>
      entry.credential === undefined ? [] : [[name, entry.credential] as const],
    );
    target.publish({ revision, credentials: { ...secrets.credentials, ...Object.fromEntries(files) } });
  };

  const refresh = (): void => {
    let changed = false;
    for (const [name, entry] of entries) {
      const stamp = stampOf(name);
      if (stamp === entry.stamp) continue;
      entries.set(name, readEntry(name, stamp, entry, log));
      changed = true;
    }
    if (changed) publish();
  };
  const timer = setInterval(refresh, pollMs).unref();

  return {
    update(table, fromSecrets) {
      secrets = fromSecrets;
      const wanted = fileNames(table);
      for (const name of entries.keys()) if (!wanted.has(name)) entries.delete(name);
      for (const name of wanted)
        if (!entries.has(name)) entries.set(name, readEntry(name, stampOf(name), undefined, log));
      publish();
    },
    close: () => clearInterval(timer),
  };
}

interface Entry {
  /** Of its files when they were read. */
  readonly stamp: string;
  /** undefined: there never was a usable one; handshakes that need it fail, those alone (istio-semantics §1.1). */
  readonly credential: Credential | undefined;
}

function fileNames(table: RouteTable): ReadonlySet<string> {
  const names = new Set<string | undefined>();
  for (const listener of table.listeners)
    for (const { handling } of listener.tls) {
      if (handling.kind === 'passthrough') continue;
      for (const name of handling.termination.credentials) names.add(name);
      names.add(handling.termination.clientCa);
    }
  for (const cluster of table.clusters) names.add(cluster.tls?.ca).add(cluster.tls?.clientCredential);
  return new Set(
    [...names].filter((name) => name !== undefined && (isFilePair(name) || isFileCa(name))),
  ) as ReadonlySet<string>;
}

const stampOf = (name: string): string => filesOf(name).map(stampOfFile).join('|');

function stampOfFile(file: string): string {
  try {
    const found = statSync(file, { bigint: true });
    return `${found.ino}:${found.size}:${found.mtimeNs}:${found.ctimeNs}`;
  } catch {
    return '-';
  }
}

/** What cannot be used, such as a pair that is half rotated, leaves the last usable version in service. */
function readEntry(name: string, stamp: string, previous: Entry | undefined, log: Log): Entry {
  try {
    return { stamp, credential: readCredential(name) };
  } catch (error) {
    log.warn(
      previous?.credential === undefined
        ? 'a certificate or key cannot be used'
        : 'a certificate or key cannot be used; the last one stays',
      {
        files: filesOf(name).join(', '),
        reason: reasonOf(error),
      },
    );
    return { stamp, credential: previous?.credential };
  }
}

function readCredential(name: string): Credential {
  const [first = '', second] = filesOf(name).map(readPem);
  if (isFileCa(name)) return { kind: 'ca', certificatesPem: first, crlPem: second };
  if (!new X509Certificate(first).checkPrivateKey(createPrivateKey(second ?? '')))
    throw new Error('the key is not that of the certificate');
  return { kind: 'pair', certificatePem: first, keyPem: second ?? '' };
}

function readPem(file: string): string {
  const found = statSync(file);
  if (!found.isFile()) throw new Error(`${file} is not a regular file`);
  if (found.size > MAX_BYTES) throw new Error(`${file} is larger than 1 MiB`);
  return readFileSync(file, 'utf8');
}

function combinedRevision(secrets: string, entries: ReadonlyMap<string, Entry>): string {
  const content = [...entries]
    .sort(([a], [b]) => compareStrings(a, b))
    .map(([name, { credential }]) => [name, credential]);
  return hash('sha256', JSON.stringify([secrets, content]), 'base64url');
}
