import { X509Certificate } from 'node:crypto';
import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { registerCertificateMetrics } from '../../../src/admin/certificate-metrics.ts';
import type { Credential, CredentialTable } from '../../../src/table/model.ts';
import { createAuthority } from '../dataplane/downstream/certificates.ts';

const authority = createAuthority('metrics');
const pair = (expired: boolean): Credential => ({
  kind: 'pair',
  ...authority.issue({ subject: '/CN=shop.test', expired }),
});
const endOf = (credential: Credential): number =>
  credential.kind === 'pair' ? new X509Certificate(credential.certificatePem).validToDate.getTime() / 1_000 : 0;

async function told(
  credentials: CredentialTable['credentials'] | undefined,
): Promise<Readonly<Record<string, number>>> {
  const registry = new Registry();
  registerCertificateMetrics(registry, () => credentials && { revision: 'r1', credentials });
  const [metric] = await registry.getMetricsAsJSON();
  const values = (metric?.values ?? []) as {
    readonly value: number;
    readonly labels: { readonly certificate: string };
  }[];
  return Object.fromEntries(values.map(({ labels, value }) => [labels.certificate, value]));
}

describe('when certificates end', () => {
  it('is told of Secrets by their names, and of files by their paths', async () => {
    const [good, old, file] = [pair(false), pair(true), pair(false)];
    expect(
      await told({ 'kubernetes://edge/good': good, 'edge/old': old, 'file-pair:/tls/edge.pem|/tls/edge.key': file }),
    ).toEqual({ 'edge/good': endOf(good), 'edge/old': endOf(old), '/tls/edge.pem': endOf(file) });
  });

  it('is not told of what is no certificate of the gateway, nor before there is a table', async () => {
    const { certificatePem, keyPem } = authority;
    expect(
      await told({
        'edge/ca': { kind: 'ca', certificatesPem: certificatePem, crlPem: undefined },
        'edge/broken': { kind: 'pair', certificatePem: 'none', keyPem },
      }),
    ).toEqual({});
    expect(await told(undefined)).toEqual({});
  });

  it('is told of those that end first where there are many', async () => {
    const [good, old] = [pair(false), pair(true)];
    const many = Object.fromEntries(Array.from({ length: 600 }, (_, i) => [`edge/n${i}`, good]));
    const shown = await told({ ...many, 'edge/old': old });
    expect(Object.keys(shown)).toHaveLength(500);
    expect(shown['edge/old']).toBe(endOf(old));
  });
});
