import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect } from 'node:tls';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { type AdmissionServer, type Reviewer, startAdmission } from '../../../src/admission/index.ts';

function certificate(folder: string, name: string): void {
  mkdirSync(folder, { recursive: true });
  const files = ['-keyout', 'tls.key', '-out', 'tls.crt'];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  execFileSync('openssl', ['req', '-x509', ...key, ...files, '-subj', `/CN=${name}`], { cwd: folder, stdio: 'pipe' });
}

const ALLOW: Reviewer = () => ({ allowed: true, message: '', warnings: [] });

async function start(review: Reviewer = ALLOW, prepare = (folder: string) => certificate(folder, 'first')) {
  const folder = mkdtempSync(path.join(tmpdir(), 'banyan-admission-'));
  prepare(folder);
  const log: string[] = [];
  const say = (line: string): void => void log.push(line);
  const server = await startAdmission({
    address: '127.0.0.1',
    port: 0,
    certificates: folder,
    review,
    log: { info: say, warn: say },
  });
  onTestFinished(async () => {
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return { server, folder, log };
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

const post = (server: AdmissionServer, body: string, target = '/validate', method = 'POST'): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port: server.port(), path: target, method, rejectUnauthorized: false };
    const sent = request({ ...options, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }));
    });
    sent.on('error', reject).end(body);
  });

const subject = (server: AdmissionServer): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: server.port() as number, rejectUnauthorized: false }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN));
      socket.destroy();
    });
    socket.on('error', reject);
  });

const REVIEW = JSON.stringify({ request: { uid: 'u1', namespace: 'shop', object: {} } });

describe('the admission webhook', () => {
  it('answers a review with a review', async () => {
    const { server } = await start(() => ({ allowed: false, message: 'no', warnings: [] }));
    const { status, body } = await post(server, REVIEW);
    expect(status).toBe(200);
    expect(JSON.parse(body)).toEqual({
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      response: { uid: 'u1', allowed: false, status: { code: 422, reason: 'Invalid', message: 'no' } },
    });
  });

  it('passes warnings on', async () => {
    const { server } = await start(() => ({ allowed: true, message: '', warnings: ['mind this'] }));
    expect(JSON.parse((await post(server, REVIEW)).body).response).toEqual({
      uid: 'u1',
      allowed: true,
      warnings: ['mind this'],
    });
  });

  it('lets in what it fails to judge, and says so', async () => {
    const { server, log } = await start(() => {
      throw new Error('our mistake');
    });
    expect(JSON.parse((await post(server, REVIEW)).body).response.allowed).toBe(true);
    expect(log.join()).toContain('our mistake');
  });

  it.each([
    ['no JSON', 'what', '/validate', 'POST', 400],
    ['a review without a request', '{}', '/validate', 'POST', 400],
    ['another path', REVIEW, '/other', 'POST', 404],
    ['another method', REVIEW, '/validate', 'PUT', 405],
    ['more than a review can have', 'x'.repeat(9 * 1_048_576), '/validate', 'POST', 413],
  ])('refuses %s', async (_, body, target, method, status) => {
    const { server } = await start();
    // The connection may be closed before all is sent.
    const answer = await post(server, body, target, method).catch(() => ({ status, body: '' }));
    expect(answer.status).toBe(status);
  });

  it('takes a new certificate without a pause, and keeps the old one while the new one is unsound', async () => {
    const { server, folder, log } = await start();
    expect(await subject(server)).toBe('first');
    writeFileSync(path.join(folder, 'tls.crt'), 'not a certificate');
    await vi.waitFor(() => expect(log.join()).toContain('cannot be used'), { timeout: 5_000 });
    expect(await subject(server)).toBe('first');
    certificate(folder, 'second');
    await vi.waitFor(async () => expect(await subject(server)).toBe('second'), { timeout: 5_000 });
    expect((await post(server, REVIEW)).status).toBe(200);
  });

  it('listens as soon as there is a certificate', async () => {
    const { server, folder } = await start(ALLOW, () => {});
    expect(server.port()).toBeUndefined();
    certificate(folder, 'late');
    await vi.waitFor(() => expect(server.port()).toBeGreaterThan(0), { timeout: 5_000 });
    expect(await subject(server)).toBe('late');
  });
});
