/**
 * Names in the CredentialTable that stand for files, not for a Secret: `file-pair:<certificate>|<key>` and
 * `file-ca:<certificates>[|<crl>]`. Whoever may read files fills them in.
 */
const PAIR = 'file-pair:';
const CA = 'file-ca:';

export const filePair = (certificate: string, key: string): string => `${PAIR}${certificate}|${key}`;

export const fileCa = (certificates: string, crl: string | undefined): string =>
  crl ? `${CA}${certificates}|${crl}` : `${CA}${certificates}`;

export const isFilePair = (name: string): boolean => name.startsWith(PAIR);

export const isFileCa = (name: string): boolean => name.startsWith(CA);

/** Of a name that stands for files: the first is that of the certificates. */
export const filesOf = (name: string): readonly string[] => name.slice(name.indexOf(':') + 1).split('|');
