import { expect, it } from 'vitest';
import { workerCount } from '../../../src/main/worker-count.ts';

it.each<[string, number | 'auto', string, NodeJS.Platform, number | 'here']>([
  ['one per core', 'auto', '0.0.0.0', 'linux', 4],
  ['one per core, on one address too', 'auto', '10.0.0.1', 'linux', 4],
  ['this process, where the machine serves itself', 'auto', '127.0.0.1', 'linux', 'here'],
  ['this process, where the machine serves itself over IPv6', 'auto', '::1', 'linux', 'here'],
  ['this process, where ports cannot be shared', 'auto', '0.0.0.0', 'darwin', 'here'],
  ['this process, when one is asked for', 1, '0.0.0.0', 'linux', 'here'],
  ['as many as are asked for', 2, '127.0.0.1', 'linux', 2],
])('workers are %s', (_name, workers, listenAddress, platform, expected) => {
  expect(workerCount({ workers, listenAddress }, 4, platform)).toBe(expected);
});

it('has one supervised worker on a single core', () => {
  expect(workerCount({ workers: 'auto', listenAddress: '0.0.0.0' }, 1, 'linux')).toBe(1);
});
