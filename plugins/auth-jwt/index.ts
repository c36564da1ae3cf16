import fp from 'fastify-plugin';
import type { GatewayPlugin } from '../../src/contract/index.ts';
import { authJwtSpec, type JwtSettings } from './config.ts';
import { createJwtFilter } from './hook.ts';

export const authJwt: GatewayPlugin<JwtSettings> = {
  spec: authJwtSpec,
  plugin: fp(
    async (app) => {
      const { clock, mayDial } = app.banyan;
      const filter = createJwtFilter({ clock, mayDial, warn: (message) => app.log.warn(message) });
      app.addHook('onClose', async () => filter.stop());
      app.banyan.contribute(filter);
    },
    { name: 'banyan-auth-jwt' },
  ),
};
