import type { Diagnostic } from '../../diagnostics/index.ts';
import type { GatewayPlan, ServerPlan } from '../from-gateway.ts';
import { reportAt } from './rule.ts';

/**
 * Servers that need the mesh: its certificates, or sidecars behind them (istio-semantics §1.1, §2.13). They keep their
 * port and their hosts, as in Istio, and no connection to them comes to anything.
 */
export const meshModes = ({ servers }: GatewayPlan): readonly Diagnostic[] =>
  servers.flatMap((server) => {
    const message = whyNothing(server);
    if (message === undefined) return [];
    return [reportAt('mode-needs-mesh', server.object, ['spec', 'servers', server.index, 'tls', 'mode'], { message })];
  });

function whyNothing({ handling, object, index }: ServerPlan): string | undefined {
  if (handling.kind === 'auto-passthrough')
    return 'AUTO_PASSTHROUGH leads to sidecars by their own names, and there are none behind this gateway';
  if (object.body.spec.servers[index]?.tls?.mode !== 'ISTIO_MUTUAL') return undefined;
  return 'ISTIO_MUTUAL shows a certificate of the mesh, and this gateway has none';
}
