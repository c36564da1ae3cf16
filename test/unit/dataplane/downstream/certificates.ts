import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Pair {
  readonly certificatePem: string;
  readonly keyPem: string;
}

export interface Authority extends Pair {
  issue(options: {
    readonly subject: string;
    readonly names?: string;
    readonly usage?: 'clientAuth' | 'serverAuth';
    readonly key?: 'ec' | 'rsa';
    /** Its last day was yesterday. */
    readonly expired?: boolean;
  }): Pair;
}

const KEYS = { ec: ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'], rsa: ['rsa:2048'] } as const;

/** A CA of the test's own, by the openssl command. */
export function createAuthority(name: string): Authority {
  const directory = mkdtempSync(join(tmpdir(), 'certificates-'));
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  const openssl = (...args: string[]): void => void execFileSync('openssl', args, { cwd: directory, stdio: 'pipe' });
  const read = (file: string): string => readFileSync(join(directory, file), 'utf8');
  openssl(
    'req',
    '-x509',
    '-newkey',
    ...KEYS.ec,
    '-nodes',
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
    '-subj',
    `/CN=${name}`,
    '-days',
    '30',
  );
  let issued = 0;
  return {
    certificatePem: read('ca.pem'),
    keyPem: read('ca.key'),
    issue({ subject, names, usage = 'serverAuth', key = 'ec', expired = false }) {
      const file = `leaf${issued++}`;
      const extensions = [`extendedKeyUsage=${usage}`, ...(names === undefined ? [] : [`subjectAltName=${names}`])];
      writeFileSync(join(directory, `${file}.ext`), `${extensions.join('\n')}\n`);
      openssl(
        'req',
        '-newkey',
        ...KEYS[key],
        '-nodes',
        '-utf8',
        '-keyout',
        `${file}.key`,
        '-out',
        `${file}.csr`,
        '-subj',
        subject,
      );
      const days = ['-days', expired ? '-1' : '30'];
      openssl(
        'x509',
        '-req',
        '-in',
        `${file}.csr`,
        '-CA',
        'ca.pem',
        '-CAkey',
        'ca.key',
        '-CAcreateserial',
        '-extfile',
        `${file}.ext`,
        '-out',
        `${file}.pem`,
        ...days,
      );
      return { certificatePem: read(`${file}.pem`), keyPem: read(`${file}.key`) };
    },
  };
}
