import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { cluster, freePort, gateway, namespace, route, serve, soon } from './cluster.ts';

function certificates(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'banyan-admission-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'tls.key'];
  const names = ['-subj', '/CN=banyan', '-addext', 'subjectAltName=IP:127.0.0.1'];
  execFileSync('openssl', ['req', '-x509', ...key, ...names, '-out', 'tls.crt'], { cwd: folder, stdio: 'pipe' });
  return folder;
}

describe('the admission webhook of a real API server', () => {
  it('refuses what would not be applied, and lets everything in when the gateway is gone', async () => {
    const kube = await cluster();
    const [port, admission] = [await freePort(), await freePort()];
    const folder = certificates();
    await kube.apply(namespace('judged', { judged: 'yes' }));
    await kube.apply(gateway('judged', port));
    const own = ['--admission-port', String(admission), '--admission-certs', folder];
    const served = await serve(kube.kubeconfig, 'judged', port, ...own);
    await soon(() => expect(served.log()).toContain('"message":"ready"'));
    const webhook = {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingWebhookConfiguration',
      metadata: { name: 'banyan-test' },
      webhooks: [
        {
          name: 'routes.banyan.dev',
          admissionReviewVersions: ['v1'],
          sideEffects: 'None',
          failurePolicy: 'Ignore',
          timeoutSeconds: 3,
          clientConfig: {
            url: `https://127.0.0.1:${admission}/validate`,
            caBundle: readFileSync(path.join(folder, 'tls.crt')).toString('base64'),
          },
          namespaceSelector: { matchLabels: { judged: 'yes' } },
          rules: [
            {
              apiGroups: ['networking.istio.io'],
              apiVersions: ['*'],
              operations: ['CREATE', 'UPDATE'],
              resources: ['virtualservices'],
            },
          ],
        },
      ],
    };
    await kube.apply(webhook);
    onTestFinished(() => void kube.delete(webhook).catch(() => {}));
    // Sound by its schema, and refused by the rules that no schema has.
    const broken = (name: string) => ({
      ...route('judged', name, ''),
      spec: { hosts: ['x.example.com'], gateways: ['judged/public'], http: [{ timeout: '1 parsec' }] },
    });
    await soon(() => expect(kube.apply(broken('a'))).rejects.toThrow(/denied the request: .*parsec/));
    await kube.apply(route('judged', 'b', 'b'));
    await soon(async () => expect((await served.ask('b.example.com')).body).toBe('b'));
    await served.stop();
    await kube.apply(broken('c'));
  });
});
