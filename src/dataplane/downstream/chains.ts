import type { TlsServer } from '../../table/model.ts';

/** Which TLS server a name belongs to: exact, else the longest wildcard suffix, else `*` (istio-semantics §0.1). */
export interface ServerNames {
  find(serverName: string | undefined): TlsServer | undefined;
}

export function indexServerNames(servers: readonly TlsServer[]): ServerNames {
  const exact = new Map<string, TlsServer>();
  const suffixes = new Map<string, TlsServer>();
  let any: TlsServer | undefined;
  // The first that claims a name keeps it: tables have each name once, but a listener must not depend on it.
  for (const server of servers) {
    for (const name of server.serverNames) {
      if (name === '*') any ??= server;
      else {
        const index = name.startsWith('*.') ? suffixes : exact;
        const key = name.startsWith('*.') ? name.slice(1) : name;
        if (!index.has(key)) index.set(key, server);
      }
    }
  }
  return {
    find(serverName) {
      if (serverName === undefined) return any;
      const found = exact.get(serverName);
      if (found !== undefined) return found;
      // `*` stands for at least one character.
      for (let dot = serverName.indexOf('.', 1); dot > 0; dot = serverName.indexOf('.', dot + 1)) {
        const server = suffixes.get(serverName.slice(dot));
        if (server !== undefined) return server;
      }
      return any;
    },
  };
}
