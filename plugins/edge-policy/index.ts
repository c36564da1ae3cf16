import fp from 'fastify-plugin';
import type { Filter, FilterSpec, GatewayPlugin } from '../../src/contract/index.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import { createClientAddressFilter } from './client-addresses.ts';
import { createCompressionFilter } from './compression.ts';
import { clientAddressesSpec, compressionSpec, requestLimitsSpec, securityHeadersSpec } from './config.ts';
import { createRequestLimitFilter } from './request-limits.ts';
import { createSecurityHeaderFilter } from './security-headers.ts';

const pluginFor = <S>(spec: FilterSpec<S>, create: (clock: Clock) => Filter<S>): GatewayPlugin<S> => ({
  spec,
  plugin: fp(async (app) => app.banyan.contribute(create(app.banyan.clock)), { name: `banyan-${spec.name}` }),
});

export const securityHeaders = pluginFor(securityHeadersSpec, createSecurityHeaderFilter);
export const compression = pluginFor(compressionSpec, createCompressionFilter);
export const clientAddresses = pluginFor(clientAddressesSpec, createClientAddressFilter);
export const requestLimits = pluginFor(requestLimitsSpec, createRequestLimitFilter);
