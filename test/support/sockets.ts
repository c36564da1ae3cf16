import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

interface SocketRow {
  readonly localPort: number;
  readonly remotePort: number;
  readonly listens: boolean;
}

const LISTENING = '0A';
const portOf = (address = ''): number => Number.parseInt(address.slice(address.indexOf(':') + 1), 16);

/** Descriptors of these processes, all of one network, that are such TCP sockets. */
export function countSockets(pids: readonly number[], fits: (row: SocketRow) => boolean): number {
  const inodes = new Set<string>();
  for (const table of ['tcp', 'tcp6'])
    for (const line of attempt(() => readFileSync(`/proc/${pids[0]}/net/${table}`, 'utf8'), '')
      .split('\n')
      .slice(1)) {
      const [, local, remote, state, , , , , , inode = ''] = line.trim().split(/\s+/);
      if (fits({ localPort: portOf(local), remotePort: portOf(remote), listens: state === LISTENING }))
        inodes.add(`socket:[${inode}]`);
    }
  return pids
    .flatMap((pid) =>
      attempt(() => readdirSync(`/proc/${pid}/fd`), []).map((fd) =>
        attempt(() => readlinkSync(`/proc/${pid}/fd/${fd}`), ''),
      ),
    )
    .filter((link) => inodes.has(link)).length;
}

/** What is gone meanwhile counts nothing. */
function attempt<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch {
    return otherwise;
  }
}
