import path from 'node:path';
import { filterSpecs } from '../../plugins/specs.ts';
import { freePort } from '../support/free-port.ts';
import type { Load } from './lib/load.ts';
import { type Peer, startNginx, startUpstream } from './lib/peers.ts';
import { login, policiesYaml, policyHeaders } from './lib/policies.ts';
import { listening, start } from './lib/process.ts';
import type { Section } from './lib/report.ts';
import { figure } from './lib/table.ts';
import { gatewayYaml, PROGRAMS, write } from './lib/workspace.ts';
import { Contest, loadOf, type ProxyOptions, REQUEST_HEADERS, SMALL } from './proxy.ts';

/** What each shared concern adds, alone and all together, with a policy that has something to do for every request. */
export async function benchConcerns({ rounds, seconds }: ProxyOptions): Promise<Section> {
  const upstream = await startUpstream();
  const { token, jwks } = await login();
  const names = filterSpecs.map(({ name }) => name);
  const variants: readonly (readonly [string, string])[] = [
    ['none', '-'],
    ...names.map((name) => [name, name] as const),
    ['all', names.join(',')],
  ];
  const entries: (readonly [string, Peer, Load])[] = [];
  for (const [name, chosen] of variants) {
    const port = await freePort();
    const resources = write(`concerns-${name}.yaml`, gatewayYaml({ http: port }) + policiesYaml(upstream, jwks));
    const script = path.join(PROGRAMS, 'chosen-plugins.ts');
    const program = start(name, 0, [process.execPath, script, resources, chosen]);
    await listening(program, port);
    const load: Load = {
      url: `http://127.0.0.1:${port}/small`,
      protocol: 'h1',
      headers: { ...REQUEST_HEADERS, Host: 'bench.test', ...policyHeaders(token) },
      connections: 64,
      seconds,
    };
    entries.push([name, { name, program, ports: { h1: port } }, load]);
  }
  const nginx = await startNginx(upstream, 10);
  const peer = typeof nginx === 'string' ? undefined : loadOf(nginx, SMALL, 10, seconds);
  if (peer !== undefined) entries.push(['nginx', nginx as Peer, peer]);
  const contest = new Contest();
  await contest.run(entries, rounds);
  for (const [, { program }] of entries) program.kill();
  const failed = entries.map(([name]) => [name, contest.failed(name)] as const).filter(([, count]) => count > 0);
  if (failed.length > 0)
    throw new Error(`requests failed: ${failed.map(([name, count]) => `${count} with ${name}`).join(', ')}`);
  return {
    name: 'concerns',
    tables: [
      {
        columns: ['shared concern', 'CPU µs', '× none', '× nginx', 'requests/s'],
        rows: variants.map(([name]) => [
          name,
          figure(contest.of(name, (sample) => sample.cpuPerRequest)),
          figure(contest.ratio(name, 'none')),
          figure(contest.ratio(name, 'nginx')),
          figure(contest.of(name, (sample) => sample.perSecond)),
        ]),
      },
    ],
  };
}
