import { describe, expect, it } from 'vitest';
import { allObjects, find, type Manifest, read } from './manifests.ts';

/* That cert-manager would take them is for test/cluster to say; here is what fits to what. */

const objects = allObjects();
const certificates = objects.filter(({ kind }) => kind === 'Certificate');
const issuers = objects.filter(({ kind }) => kind === 'Issuer');
const admission = find(certificates, 'Certificate', 'banyan-admission').spec;

describe("the webhook's certificate", () => {
  it('is for the Service that the API server calls', () => {
    const [webhook] = find(objects, 'ValidatingWebhookConfiguration', 'banyan').webhooks;
    const { name, namespace, port } = webhook.clientConfig.service;
    expect(admission.dnsNames).toEqual([`${name}.${namespace}.svc`]);
    expect(admission.usages).toContain('server auth');
    expect(find(objects, 'Service', name).spec.ports.map((one: Manifest) => one.port)).toEqual([port]);
  });

  it('is the Secret that the gateway has mounted, where it looks for one', () => {
    const [patch] = read('components/admission/deployment-patch.yaml');
    const { containers, volumes } = patch.spec.template.spec;
    const [{ name, secret }] = volumes;
    expect(secret.secretName).toBe(admission.secretName);
    const [{ env, volumeMounts }] = containers;
    const { mountPath } = volumeMounts.find((mount: Manifest) => mount.name === name);
    expect(env).toContainEqual({ name: 'BANYAN_ADMISSION_CERTS', value: mountPath });
  });

  it('is issued by issuers that there are, the last of which signs itself', () => {
    const chain: string[] = [];
    for (let spec = admission; ; ) {
      expect(spec.issuerRef.kind).toBe('Issuer');
      const issuer = find(issuers, 'Issuer', spec.issuerRef.name).spec;
      chain.push(spec.issuerRef.name);
      if (issuer.selfSigned !== undefined) break;
      spec = certificates.find((one) => one.spec.secretName === issuer.ca.secretName)?.spec;
      expect(spec?.isCA, issuer.ca.secretName).toBe(true);
    }
    expect(chain).toHaveLength(issuers.length);
  });

  it('is what the webhook’s CA is taken from, and ends before its CA', () => {
    const [patch] = read('components/admission-cert-manager/webhook-patch.yaml');
    const { namespace } = find(objects, 'ValidatingWebhookConfiguration', 'banyan').webhooks[0].clientConfig.service;
    const from = patch.metadata.annotations['cert-manager.io/inject-ca-from'];
    expect(from).toBe(`${namespace}/${find(certificates, 'Certificate', 'banyan-admission').metadata.name}`);
    const hours = (text: string): number => Number(/^(\d+)h$/.exec(text)?.[1]);
    expect(hours(admission.renewBefore)).toBeLessThan(hours(admission.duration));
    expect(hours(admission.duration)).toBeLessThan(
      hours(find(certificates, 'Certificate', 'banyan-admission-ca').spec.duration),
    );
  });
});
