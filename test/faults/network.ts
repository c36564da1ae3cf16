import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const INSIDE = 'FAULTS_NETWORK';

/** Where the faults happen: `own` has a loopback and a name server (127.0.0.1) of its own, and nothing else. */
export type Network = 'own' | 'of the machine';

/**
 * A process that lets go of a port may reset connections that reach it in that moment, unless the kernel is told to hand them to
 * another one that listens there (docs/operations.md). That, and whom names are asked of, is a matter of a network of one's own.
 */
const SETUP = `
set -e
ip link set lo up
echo 1 > /proc/sys/net/ipv4/tcp_migrate_req
names=$(mktemp)
echo 'nameserver 127.0.0.1' > "$names"
mount --bind "$names" /etc/resolv.conf
rm -f "$names"
exec "$@"
`;

/** Runs this program again in a network of its own, where that is possible; resolves with its exit code. undefined: this is where to run. */
export async function elsewhere(): Promise<number | undefined> {
  if (process.platform !== 'linux' || process.env[INSIDE] !== undefined) return undefined;
  const flags = process.getuid?.() === 0 ? ['-n', '-m'] : ['-r', '-n', '-m'];
  const enter = [...flags, 'sh', '-c', SETUP, 'sh'];
  if (spawnSync('unshare', [...enter, 'true'], { stdio: 'ignore' }).status !== 0) return undefined;
  const child = spawn('unshare', [...enter, process.execPath, ...process.argv.slice(1)], {
    stdio: 'inherit',
    env: { ...process.env, [INSIDE]: 'own' },
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void child.kill(signal));
  return new Promise((resolve) => child.once('exit', (code) => resolve(code ?? 1)));
}

export const network = (): Network => (process.env[INSIDE] === 'own' ? 'own' : 'of the machine');

export function migratesRequests(): boolean {
  try {
    return readFileSync('/proc/sys/net/ipv4/tcp_migrate_req', 'utf8').trim() === '1';
  } catch {
    return false;
  }
}
