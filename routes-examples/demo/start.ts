import { startLegacyGateway } from './legacy-gateway.ts';
import { startService } from './service.ts';
import { startStock } from './stock.ts';

export interface Demo {
  close(): Promise<void>;
}

/** Everything that routes-examples points at: the teams' services, the gRPC one, and the old gateway with the monolith behind it. */
export async function startDemo(): Promise<Demo> {
  const started = await Promise.all([
    startService({ name: 'storefront v1', port: 18101 }),
    startService({ name: 'storefront v2', port: 18102 }),
    startService({ name: 'storefront pr-42', port: 18103 }),
    startService({ name: 'orders', port: 18111 }),
    startStock(18112),
    startService({ name: 'profiles', port: 18121 }),
    startService({ name: 'monolith: accounts', port: 18131 }),
    startService({ name: 'monolith: everything', port: 18132 }),
    startLegacyGateway(18080),
  ]);
  return {
    async close() {
      await Promise.all(started.map((part) => part.close()));
    },
  };
}
