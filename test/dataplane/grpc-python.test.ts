import { execFile, execFileSync } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { frame, startGateway, type TestGateway, virtualService } from '../support/gateway.ts';
import { type EchoServer, startEchoServer } from '../support/grpc-echo.ts';

/* gRPC as the library of C speaks it, by Debian's python3-grpcio; grpc.test.ts has the one of JavaScript. */

const PYTHON = ['/usr/bin/python3', 'python3'].find((program) => {
  try {
    execFileSync(program, ['-c', 'import grpc'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
});
const SCRIPT = path.join(import.meta.dirname, 'grpc-client.py');

describe.skipIf(PYTHON === undefined)('gRPC with the library of C (skipped where python3-grpcio is missing)', () => {
  let server: EchoServer;
  let gateway: TestGateway;
  const resources = (more = ''): string =>
    frame({ echo: server.port, nowhere: 1 }, 'HTTP2') +
    virtualService('echo', `- route:\n    - destination: { host: echo.test }\n${more}`, '["127.0.0.1"]');

  beforeAll(async () => {
    server = await startEchoServer();
    gateway = await startGateway(resources());
  });
  afterAll(async () => {
    await gateway.close();
    server.close();
  });

  const ask = async (check: string): Promise<unknown> => {
    const { stdout } = await promisify(execFile)(PYTHON as string, [SCRIPT, String(gateway.port), check]);
    return JSON.parse(stdout);
  };

  it.each([
    ['unary calls with metadata both ways', 'metadata', ['hello ada', 'yes']],
    ['errors with message and binary details', 'error', ['FAILED_PRECONDITION', 'not today: é', [1, 2, 3]]],
    ['a stream of requests', 'collect', 'a+b+c'],
    ['a stream of answers', 'spread', ['one', 'two', 'three']],
    ['a conversation in step', 'converse', ['A', 'B', 'C']],
    ['a deadline', 'deadline', [['first'], 'DEADLINE_EXCEEDED']],
  ])('carries %s', async (_name, check, expected) => {
    expect(await ask(check)).toEqual(expected);
  });

  it('cancels at the service what its caller cancels', async () => {
    const gone = new Promise<void>((resolve) => {
      server.onCancelled = resolve;
    });
    expect(await ask('cancel')).toEqual(['first', 'CANCELLED']);
    await gone;
  });

  it('fails no call and no conversation while routes are pushed', async () => {
    const asked = ask('pushes');
    let over = false;
    const settled = asked.finally(() => {
      over = true;
    });
    for (let i = 0; !over; i++) {
      await gateway.publish(resources(`  headers: { response: { set: { x-step: "${i}" } } }`));
      await new Promise((next) => setTimeout(next, 50));
    }
    expect(await settled).toEqual({ called: true, problems: [] });
  });

  it('tells a caller in its own terms that the service is not there', async () => {
    await gateway.publish(
      resources().replace('destination: { host: echo.test }', 'destination: { host: nowhere.test }'),
    );
    expect(await ask('unavailable')).toBe('UNAVAILABLE');
  });
});
