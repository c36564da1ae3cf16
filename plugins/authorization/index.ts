import fp from 'fastify-plugin';
import type { GatewayPlugin } from '../../src/contract/index.ts';
import { type AuthorizationSettings, authorizationSpec } from './config.ts';
import { createAuthorizationFilter } from './hook.ts';

export const authorization: GatewayPlugin<AuthorizationSettings> = {
  spec: authorizationSpec,
  plugin: fp(async (app) => app.banyan.contribute(createAuthorizationFilter()), { name: 'banyan-authorization' }),
};
