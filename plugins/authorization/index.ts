import fp from 'fastify-plugin';
import { Counter, type Registry } from 'prom-client';
import type { GatewayPlugin } from '../../src/contract/index.ts';
import { type AuthorizationSettings, authorizationSpec } from './config.ts';
import { createAuthorizationFilter } from './hook.ts';
import type { CountMark } from './watch.ts';

/** `registry`: where marks of policies that change no answer are counted. */
export const countedAuthorization = (registry?: Registry): GatewayPlugin<AuthorizationSettings> => ({
  spec: authorizationSpec,
  plugin: fp(
    async (app) => {
      const count = registry === undefined ? undefined : countMarks(registry);
      app.banyan.contribute(createAuthorizationFilter(count));
    },
    { name: 'banyan-authorization' },
  ),
});

/** Without a registry. */
export const authorization: GatewayPlugin<AuthorizationSettings> = countedAuthorization();

/** More policies than this are counted together: teams write them (edge-security G-03). */
const MAX_SERIES = 1_000;

function countMarks(registry: Registry): CountMark {
  const counts = new Map<string, { readonly mark: string; readonly policy: string; count: number }>();
  new Counter({
    name: 'banyan_authorization_marks_total',
    help: 'Requests and raw connections that an AuthorizationPolicy with the action AUDIT, or a dry run of one, had something to say of.',
    labelNames: ['policy', 'mark'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { mark, policy, count } of counts.values()) this.inc({ policy, mark }, count);
    },
  });
  const seriesOf = (mark: string, policy: string): { count: number } => {
    const key = `${mark} ${policy}`;
    let series = counts.get(key);
    if (series === undefined) {
      if (counts.size >= MAX_SERIES && policy !== 'other') return seriesOf(mark, 'other');
      series = { mark, policy, count: 0 };
      counts.set(key, series);
    }
    return series;
  };
  return (kind, policy) => {
    seriesOf(kind, policy).count += 1;
  };
}
