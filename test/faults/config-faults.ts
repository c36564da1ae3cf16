import { setTimeout as pause } from 'node:timers/promises';
import { get, startUpstream } from './processes.ts';
import { routeYaml, serviceYaml } from './routes.ts';
import { highest, openScene, type Row, rowOf } from './scene.ts';

/** Faults of what the gateway is told (edge-security §2.2: ). */

const PUSH_MS = 200;
const POISON =
  'apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: { name: poison }\nspec: { hosts: [1, {';

/** Body and header come from one version of the file: a mix would show. */
const versionYaml = (version: number): string => `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: version }
spec:
  hosts: [version.test]
  gateways: [infra/edge]
  http:
    - directResponse: { status: 200, body: { string: "v${version}" } }
`;

/** `judgeTimes`: on a machine for itself. */
export async function configPushes(count: number, routes: number, judgeTimes: boolean): Promise<Row> {
  const scene = await openScene();
  for (let i = 0; i < routes; i += 50) scene.routes.write(`crowd/r${i}.yaml`, crowd(i, 50));
  scene.routes.write('shop/version.yaml', versionYaml(0));
  const gateway = await scene.start();
  const load = scene.load();
  const lives: number[] = [];
  const wrong: string[] = [];
  let shown = 0;
  for (let i = 1; i <= count; i++) {
    const began = performance.now();
    if (i % 10 === 0) scene.routes.write('evil/poison.yaml', `${POISON}${i}`);
    else if (i % 10 === 5) scene.routes.remove('evil/poison.yaml');
    if (i % 3 === 0) scene.routes.write('crowd/more.yaml', crowd(100_000, i % 7));
    if (i % 3 === 1) scene.routes.remove('crowd/more.yaml');
    scene.routes.write('shop/version.yaml', versionYaml(i));
    for (;;) {
      const { status, body } = await get(scene.port, '/', { host: 'version.test' });
      const version = Number(body.slice(1));
      if (status !== 200 || !Number.isInteger(version)) wrong.push(`version ${i}: ${status} ${body.slice(0, 80)}`);
      shown = Math.max(shown, version);
      if (version === i || performance.now() - began > 20_000) break;
      await pause(10);
    }
    lives.push(performance.now() - began);
    await pause(Math.max(0, PUSH_MS - (performance.now() - began)));
  }
  const report = await load.stop();
  lives.sort((a, b) => a - b);
  const p99 = lives[Math.floor(lives.length * 0.99)] ?? 0;
  if (shown !== count) wrong.push(`the last version shown is ${shown} of ${count}`);
  if (judgeTimes && highest(lives) > 2_000) wrong.push(`a push was live after ${Math.round(highest(lives))} ms`);
  const row = await rowOf(report, [scene.upstream], {
    fault: 'R-03, R-04 pushes, poison in each 10th',
    count,
    recoveryMs: p99,
    note: `${routes} routes`,
    wrong,
  });
  gateway.terminate();
  scene.close();
  return row;
}

const crowd = (from: number, count: number): string =>
  Array.from({ length: count }, (_, i) =>
    routeYaml(`h${from + i}.test`, 'shop').replace('shop.internal', 'shop.internal'),
  ).join('---\n');

const ADDRESSES = Array.from({ length: 10 }, (_, i) => `127.0.1.${i + 1}`);

export async function endpointChurn(seconds: number): Promise<Row> {
  const scene = await openScene();
  const upstream = await startUpstream();
  const removedAtMs = new Map<string, number>();
  let using = ADDRESSES.slice(0, 5);
  const write = (): void =>
    scene.routes.write(
      'shop/service.yaml',
      serviceYaml(
        'shop',
        using.map((address) => [address, upstream.port] as const),
      ),
    );
  write();
  const gateway = await scene.start();
  const load = scene.load({ mix: { slow: 0, webSockets: 0 } });
  const wrong: string[] = [];
  let turn = 0;
  const end = performance.now() + seconds * 1_000;
  while (performance.now() < end) {
    const leaving = using[turn % 5] as string;
    const coming = ADDRESSES.find(
      (address) => !using.includes(address) && (removedAtMs.get(address) ?? 0) < Date.now() - 3_000,
    ) as string;
    using = using.map((address) => (address === leaving ? coming : address));
    removedAtMs.set(leaving, Date.now());
    removedAtMs.delete(coming);
    write();
    turn += 1;
    await pause(1_000);
  }
  const report = await load.stop();
  const { lastAskedMs } = await upstream.seen();
  for (const [address, removed] of removedAtMs) {
    const late = (lastAskedMs[address] ?? 0) - removed;
    if (late > 2_000) wrong.push(`${address} was asked ${late} ms after it was removed`);
  }
  const row = await rowOf(report, [], { fault: 'R-05 endpoints, 20 % replaced each s', count: turn, wrong });
  gateway.terminate();
  scene.close();
  return row;
}
