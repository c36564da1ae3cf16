import fp from 'fastify-plugin';
import { Gauge, type Registry } from 'prom-client';
import type { GatewayPlugin } from '../../src/contract/index.ts';
import { authJwtSpec, type JwtSettings } from './config.ts';
import { createJwtFilter } from './hook.ts';
import type { RemoteKeys } from './key-source.ts';

/** `registry`: where it is shown how old the keys of each issuer are. */
export const measuredAuthJwt = (registry?: Registry): GatewayPlugin<JwtSettings> => ({
  spec: authJwtSpec,
  plugin: fp(
    async (app) => {
      const { clock, mayDial } = app.banyan;
      const { log } = app;
      const filter = createJwtFilter({
        clock,
        mayDial,
        warn: (message) => log.warn(message),
        info: (message) => log.info(message),
      });
      if (registry !== undefined) showKeys(registry, () => filter.remoteKeys());
      app.addHook('onClose', async () => filter.stop());
      app.banyan.contribute(filter);
    },
    { name: 'banyan-auth-jwt' },
  ),
});

/** Without a registry. */
export const authJwt: GatewayPlugin<JwtSettings> = measuredAuthJwt();

/** By address: as many as the network team names. Of several workers the worst counts. */
function showKeys(registry: Registry, all: () => readonly RemoteKeys[]): void {
  new Gauge({
    name: 'banyan_jwt_keys_usable',
    help: 'Are there keys of that address to verify tokens with: 1 or 0; without, every token of its issuer is refused.',
    labelNames: ['source'],
    registers: [registry],
    aggregator: 'min',
    collect() {
      this.reset();
      for (const keys of all()) this.set({ source: keys.name }, keys.current() === undefined ? 0 : 1);
    },
  });
  new Gauge({
    name: 'banyan_jwt_keys_age_seconds',
    help: 'Since the keys of that address were last fetched; they serve for a day after that.',
    labelNames: ['source'],
    registers: [registry],
    aggregator: 'max',
    collect() {
      this.reset();
      for (const { name, ageMs } of all()) if (ageMs !== undefined) this.set({ source: name }, ageMs / 1_000);
    },
  });
}
