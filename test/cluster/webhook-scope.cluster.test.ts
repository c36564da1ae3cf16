import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createAuthority } from '../unit/dataplane/downstream/certificates.ts';
import { find, type Manifest, read } from '../unit/deploy/manifests.ts';
import { type Applied, type Cluster, cluster, namespace, route, soon } from './cluster.ts';

interface Asked {
  readonly operation: string;
  readonly kind: { readonly kind: string };
  readonly name: string;
  readonly namespace: string;
}

/** The webhook as it is deployed, but for where it is: no Service answers here. */
async function webhook(kube: Cluster, answer: (asked: Asked) => boolean) {
  const asked: Asked[] = [];
  const authority = createAuthority('admission');
  const { certificatePem, keyPem } = authority.issue({ subject: '/CN=admission', names: 'IP:127.0.0.1' });
  const server = createServer({ cert: certificatePem, key: keyPem }, (request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => {
      body += text;
    });
    request.on('end', () => {
      const { apiVersion, kind, request: question } = JSON.parse(body) as Manifest;
      asked.push(question);
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ apiVersion, kind, response: { uid: question.uid, allowed: answer(question) } }));
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const close = (): Promise<void> =>
    new Promise((done) => {
      server.close(() => done());
      server.closeAllConnections();
    });
  onTestFinished(() => close());
  const configuration = find(read('components/admission/webhook.yaml'), 'ValidatingWebhookConfiguration', 'banyan');
  const [deployed] = configuration.webhooks;
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}${deployed.clientConfig.service.path}`;
  const clientConfig = { url, caBundle: Buffer.from(authority.certificatePem).toString('base64') };
  const object = { ...configuration, webhooks: [{ ...deployed, clientConfig }] } as Applied;
  await kube.apply(object);
  onTestFinished(() => kube.delete(object).then(() => {}));
  return { asked, close };
}

const asText = ({ operation, kind, name }: Asked): string => `${operation} ${kind.kind} ${name}`;

describe('the webhook of the manifests', () => {
  it('is asked about routes and policies whose content changes, and about nothing else', async () => {
    const kube = await cluster();
    await kube.apply(namespace('asked'));
    const { asked } = await webhook(kube, () => true);
    // The API server takes a moment to know of a webhook.
    await soon(async () => {
      await kube.apply(route('asked', `probe-${asked.length}-${Date.now()}`, 'probe'));
      expect(asked.length).toBeGreaterThan(0);
    });
    asked.length = 0;
    const shop = route('asked', 'shop', 'first');
    await kube.apply(shop);
    await kube.apply(route('asked', 'shop', 'second'));
    const path = '/apis/networking.istio.io/v1/namespaces/asked/virtualservices/shop';
    const contentType = 'application/merge-patch+json';
    await kube.client.send('PATCH', `${path}/status`, { contentType, body: { status: { observedGeneration: 2 } } });
    await kube.client.send('PATCH', path, { contentType, body: { metadata: { labels: { a: 'b' } } } });
    // Denies everything, and has nothing to say of whom.
    const policy = { apiVersion: 'security.istio.io/v1', kind: 'AuthorizationPolicy' };
    await kube.apply({ ...policy, metadata: { name: 'none', namespace: 'asked' } });
    await kube.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'other', namespace: 'asked' } });
    await kube.delete(shop);
    expect(asked.map(asText)).toEqual([
      'CREATE VirtualService shop',
      'UPDATE VirtualService shop',
      'CREATE AuthorizationPolicy none',
    ]);
  });

  it('refuses what it refuses; away, it keeps nobody from deploying', async () => {
    const kube = await cluster();
    await kube.apply(namespace('refused'));
    const { close } = await webhook(kube, ({ name }) => !name.startsWith('bad'));
    await soon(() =>
      expect(kube.apply(route('refused', `bad-${Date.now()}`, ''))).rejects.toThrow(/denied the request/),
    );
    await expect(kube.apply(route('refused', 'good', ''))).resolves.toBeDefined();
    await close();
    await expect(kube.apply(route('refused', 'bad', ''))).resolves.toBeDefined();
  });
});
