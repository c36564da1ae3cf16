import { X509Certificate } from 'node:crypto';
import { Gauge, type Registry } from 'prom-client';
import { withoutScheme } from '../compiler/backends/credential-uses.ts';
import { filesOf, isFilePair } from '../table/index.ts';
import type { Credential, CredentialTable } from '../table/model.ts';

/** Of more certificates only those that end first are told, or a gateway of ten thousand names would make as many lines of each scrape. */
const MOST_TOLD = 500;

/** When certificates end that the gateway shows to others; of a chain its first one counts, as with those who are shown it. */
export function registerCertificateMetrics(registry: Registry, read: () => CredentialTable | undefined): void {
  const known = new WeakMap<Credential, number>();
  const endOf = (credential: Credential): number => {
    const end = known.get(credential) ?? readEnd(credential);
    known.set(credential, end);
    return end;
  };
  new Gauge({
    name: 'banyan_certificate_expiry_timestamp_seconds',
    help: `When a certificate ends, in seconds since 1970; of the ${MOST_TOLD} that end first.`,
    labelNames: ['certificate'],
    registers: [registry],
    collect() {
      this.reset();
      const ends = Object.entries(read()?.credentials ?? {})
        .map(([name, credential]) => ({ certificate: shownName(name), end: endOf(credential) }))
        .filter(({ end }) => !Number.isNaN(end))
        .sort((a, b) => a.end - b.end);
      for (const { certificate, end } of ends.slice(0, MOST_TOLD)) this.set({ certificate }, end);
    },
  });
}

/** NaN: it is none, or cannot be read, which is told elsewhere. */
function readEnd(credential: Credential): number {
  if (credential.kind !== 'pair') return Number.NaN;
  try {
    return new X509Certificate(credential.certificatePem).validToDate.getTime() / 1_000;
  } catch {
    return Number.NaN;
  }
}

/** A Secret as Gateways name it, a file by its path. */
const shownName = (name: string): string => (isFilePair(name) ? (filesOf(name)[0] ?? name) : withoutScheme(name));
