import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createFileCredentials, type FileCredentials } from '../../../src/control/file-credentials.ts';
import { createHandle } from '../../../src/table/handle.ts';
import type { CredentialTable, RouteTable } from '../../../src/table/model.ts';
import { emptyTable, silentLog } from './builders.ts';

/** Patient, since the machine may be busy; prompt, when it is not. */
const eventually = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 10_000, interval: 5 });

const certificates = path.resolve('test/istio/tls/mutual/certs');
const secrets: CredentialTable = {
  revision: 's1',
  credentials: { own: { kind: 'ca', certificatesPem: 'x', crlPem: undefined } },
};

let folder: string;
let files: FileCredentials;
let target: ReturnType<typeof createHandle<CredentialTable>>;
let warnings: string[];

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'banyan-credentials-'));
  target = createHandle();
  warnings = [];
  files = createFileCredentials({
    target,
    log: { ...silentLog, warn: (message, fields) => void warnings.push(`${message}: ${fields?.['reason']}`) },
    pollMs: 10,
  });
});
afterEach(() => {
  files.close();
  rmSync(folder, { recursive: true });
});

const use = (identity: string, part: 'crt' | 'key'): void =>
  copyFileSync(path.join(certificates, `${identity}.${part}`), path.join(folder, `tls.${part}`));
const contentOf = (identity: string, part: string): string =>
  readFileSync(path.join(certificates, `${identity}.${part}`), 'utf8');

/** A table with one TLS server that names a pair and a CA. */
function tableNaming(...names: string[]): RouteTable {
  const [pair, ca] = names;
  const termination = { credentials: [pair, 'own'], clientCa: ca };
  return {
    ...emptyTable(),
    listeners: [
      {
        port: 443,
        bind: undefined,
        plaintext: undefined,
        tls: [{ id: 'x', serverNames: ['*'], handling: { kind: 'http', termination, routeConfig: 'r' } }],
      },
    ],
  } as unknown as RouteTable;
}
const pairName = (): string => `file-pair:${folder}/tls.crt|${folder}/tls.key`;
const certificateInService = (): string | undefined => {
  const credential = target.current()?.credentials[pairName()];
  return credential?.kind === 'pair' ? credential.certificatePem : undefined;
};

describe('credentials from files', () => {
  it('leaves the credentials of Secrets as they are where no file is named', () => {
    files.update(tableNaming('own'), secrets);
    expect(target.current()).toEqual(secrets);
  });

  it('adds a pair and a CA, at once and beside the others', () => {
    use('orders-client', 'crt');
    use('orders-client', 'key');
    writeFileSync(path.join(folder, 'ca.crt'), 'CA');
    const ca = `file-ca:${folder}/ca.crt|${folder}/crl.pem`;
    writeFileSync(path.join(folder, 'crl.pem'), 'CRL');
    files.update(tableNaming(pairName(), ca), secrets);
    expect(target.current()?.credentials).toEqual({
      ...secrets.credentials,
      [pairName()]: {
        kind: 'pair',
        certificatePem: contentOf('orders-client', 'crt'),
        keyPem: contentOf('orders-client', 'key'),
      },
      [ca]: { kind: 'ca', certificatesPem: 'CA', crlPem: 'CRL' },
    });
    expect(target.current()?.revision).not.toBe(secrets.revision);
  });

  it('takes a rotated pair once both halves are there, and not before', async () => {
    use('orders-client', 'crt');
    use('orders-client', 'key');
    files.update(tableNaming(pairName()), secrets);
    use('foreign-client', 'crt');
    await eventually(() =>
      expect(warnings).toEqual([
        'a certificate or key cannot be used; the last one stays: the key is not that of the certificate',
      ]),
    );
    expect(certificateInService()).toBe(contentOf('orders-client', 'crt'));
    use('foreign-client', 'key');
    await eventually(() => expect(certificateInService()).toBe(contentOf('foreign-client', 'crt')));
  });

  it('does without a file that is missing, and takes it when it comes', async () => {
    files.update(tableNaming(pairName()), secrets);
    expect(target.current()?.credentials).toEqual(secrets.credentials);
    expect(warnings).toHaveLength(1);
    use('orders-client', 'key');
    use('orders-client', 'crt');
    await eventually(() => expect(certificateInService()).toBe(contentOf('orders-client', 'crt')));
  });

  it('forgets what no table names any more, and publishes nothing when nothing changed', () => {
    use('orders-client', 'crt');
    use('orders-client', 'key');
    let publications = 0;
    target.subscribe(() => publications++);
    files.update(tableNaming(pairName()), secrets);
    files.update(tableNaming(pairName()), secrets);
    expect(publications).toBe(1);
    files.update(tableNaming('own'), secrets);
    expect(target.current()).toEqual(secrets);
  });
});
