import { afterEach, describe, expect, it, vi } from 'vitest';
import { authorization } from '../../plugins/authorization/index.ts';
import { clientAddresses } from '../../plugins/edge-policy/index.ts';
import type { Filter, GatewayPlugin } from '../../src/contract/index.ts';
import { closeAll } from '../support/authorized.ts';
import { connect, filtering, only, saysServed, serve } from '../support/raw-connections.ts';
import { toldTo } from '../support/tcp.ts';

afterEach(closeAll);

const policy = (name: string, spec: string, annotations = ''): string => `
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: ${name}, namespace: istio-system${annotations} }
spec: ${spec}`;
const DRY_RUN = ', annotations: { istio.io/dry-run: "true" }';
const LIST = `
---
apiVersion: banyan.dev/v1alpha1
kind: EdgePolicy
metadata: { name: edge, namespace: istio-system }
spec: { clientAddresses: { allow: [127.0.0.3] } }`;

const plugins = [clientAddresses, authorization] as readonly GatewayPlugin[];

describe('a raw connection that may not pass', () => {
  it.each<[string, string, object]>([
    [
      'by a rule that denies',
      policy('shut', '{ action: DENY, rules: [{ to: [{ operation: { ports: ["1"] } }] }, {}] }'),
      { terminationDetails: 'rbac_access_denied_matched_policy[ns[istio-system]-policy[shut]-rule[1]]' },
    ],
    [
      'as no rule allows it',
      policy('few', '{ rules: [{ from: [{ source: { ipBlocks: [127.0.0.9] } }] }] }'),
      { terminationDetails: 'rbac_access_denied_matched_policy[none]' },
    ],
    ['by its address', LIST, { cause: 'address-denied', terminationDetails: 'client_address_denied' }],
  ])('%s', async (_, policies, expected) => {
    const gateway = await serve(saysServed, policies, { plugins });
    expect(await toldTo('127.0.0.2', gateway.port)).toBe('');
    expect(await only(gateway)).toMatchObject({
      cause: 'rbac-denied',
      flags: [],
      details: '',
      routeId: 'team/db/tcp/0',
      cluster: 'outbound|80||db.test',
      clusterNamespace: 'team',
      upstreamAttempts: 0,
      ...expected,
    });
  });

  it('is let in by the list that has its address', async () => {
    const gateway = await serve(saysServed, LIST, { plugins });
    expect(await toldTo('127.0.0.3', gateway.port)).toBe('served');
    expect(await only(gateway)).toMatchObject({ cause: undefined });
  });

  it.each<[string, Filter['connection'], string, readonly unknown[]]>([
    ['without a word', () => false, 'refused', []],
    [
      'after a while',
      async ({ record }) => {
        record.cause = 'not-today';
        return false;
      },
      'not-today',
      [],
    ],
    [
      'since a filter fails',
      () => Promise.reject(new Error('of its own')),
      'internal-error',
      [new Error('of its own')],
    ],
  ])('%s', async (_, connection, cause, errors) => {
    const gateway = await serve(saysServed, '', { plugins: [filtering({ ...(connection && { connection }) })] });
    expect(await toldTo('127.0.0.2', gateway.port)).toBe('');
    expect(await only(gateway)).toMatchObject({ cause, flags: [], upstreamAttempts: 0 });
    expect(gateway.errors).toEqual(errors);
  });

  it('and is gone before that is known is told as it went, and dials nobody', async () => {
    let answer: (admitted: boolean) => void = () => {};
    const asked = vi.fn();
    const connection = (): Promise<boolean> => {
      asked();
      return new Promise((resolve) => {
        answer = resolve;
      });
    };
    const reached = vi.fn();
    const gateway = await serve((socket) => reached(socket.end()), '', { plugins: [filtering({ connection })] });
    connect(gateway.port);
    await vi.waitFor(() => expect(asked).toHaveBeenCalled(), { interval: 5 });
    await gateway.gateway.drain(10);
    await vi.waitFor(() => expect(gateway.connections).toHaveLength(1), { interval: 5 });
    answer(true);
    expect(await only(gateway)).toMatchObject({ cause: 'drained', upstreamAttempts: 0 });
    expect(reached).not.toHaveBeenCalled();
  });
});

describe('policies that change nothing', () => {
  it.each<[string, string, readonly string[] | undefined, string]>([
    [
      'an AUDIT',
      policy('a', '{ action: AUDIT, rules: [{}] }'),
      ['audited ns[istio-system]-policy[a]-rule[0]'],
      'served',
    ],
    [
      'an AUDIT by what only requests have',
      policy('a', '{ action: AUDIT, rules: [{ to: [{ operation: { paths: [/a] } }] }] }'),
      ['audited ns[istio-system]-policy[a]-rule[0]'],
      'served',
    ],
    [
      'an AUDIT of others',
      policy('a', '{ action: AUDIT, rules: [{ from: [{ source: { ipBlocks: [127.0.0.9] } }] }] }'),
      undefined,
      'served',
    ],
    [
      'a dry run that denies',
      policy('d', '{ action: DENY, rules: [{}] }', DRY_RUN),
      ['dry-run-denied ns[istio-system]-policy[d]-rule[0]'],
      'served',
    ],
    [
      'a dry run that allows',
      policy('w', '{ rules: [{}] }', DRY_RUN),
      ['dry-run-allowed ns[istio-system]-policy[w]-rule[0]'],
      'served',
    ],
    [
      'a dry run that allows requests alone',
      policy('w', '{ rules: [{ to: [{ operation: { methods: [GET] } }] }] }', DRY_RUN),
      ['dry-run-denied none'],
      'served',
    ],
    [
      'an AUDIT of what is refused',
      policy('a', '{ action: AUDIT, rules: [{}] }') + policy('shut', '{ action: DENY, rules: [{}] }'),
      ['audited ns[istio-system]-policy[a]-rule[0]'],
      '',
    ],
  ])('%s', async (_, policies, marks, told) => {
    const gateway = await serve(saysServed, policies, { plugins });
    expect(await toldTo('127.0.0.2', gateway.port)).toBe(told);
    const { policyMarks } = await only(gateway);
    expect(policyMarks?.map(({ kind, rule: name }) => `${kind} ${name}`)).toEqual(marks);
  });
});

it('a filter that fails to write a connection down keeps it from nobody else', async () => {
  const broken = filtering({
    connectionOpened() {
      throw new Error('opened');
    },
    logConnection() {
      throw new Error('logged');
    },
  });
  const gateway = await serve(saysServed, '', { plugins: [broken] });
  expect(await toldTo('127.0.0.2', gateway.port)).toBe('served');
  expect(await only(gateway)).toMatchObject({ bytesSent: 6 });
  expect(gateway.errors).toEqual([new Error('opened'), new Error('logged')]);
});
