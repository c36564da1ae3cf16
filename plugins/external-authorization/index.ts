import fp from 'fastify-plugin';
import type { GatewayPlugin } from '../../src/contract/index.ts';
import { type ExternalAuthorizationSettings, externalAuthorizationSpec } from './config.ts';
import { createExternalAuthorizationFilter } from './hook.ts';

export const externalAuthorization: GatewayPlugin<ExternalAuthorizationSettings> = {
  spec: externalAuthorizationSpec,
  plugin: fp(async (app) => app.banyan.contribute(createExternalAuthorizationFilter(app.banyan.callCluster)), {
    name: 'banyan-external-authorization',
  }),
};
