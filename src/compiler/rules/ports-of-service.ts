import type { Diagnostic } from '../../diagnostics/index.ts';
import type { ResourceOf } from '../../resources/index.ts';
import type { CompileOptions } from '../compilation.ts';
import type { GatewayPlan } from '../from-gateway.ts';
import { reportAt } from './rule.ts';

/**
 * Ports that are opened and that no Service of the gateway leads to (istio-semantics §10.7, IST0162). Without any
 * Service for the gateway, as in a directory of YAML, clients come another way, and nothing is said.
 */
export function portsOfService(
  services: readonly ResourceOf<'Service'>[],
  plan: GatewayPlan,
  options: CompileOptions,
): readonly Diagnostic[] {
  const own = services.filter((service) => leadsToGateway(service, options));
  if (own.length === 0) return [];
  const numbers = new Set<unknown>(own.flatMap(({ body }) => body.spec?.ports ?? []).flatMap(numbersOf));
  const names = own.map(({ meta }) => meta.name).join(', ');
  return plan.servers
    .filter(({ port }) => !numbers.has(port))
    .map(({ object, index, port }) =>
      reportAt('port-not-in-service', object, ['spec', 'servers', index, 'port', 'number'], {
        message: `no port of Service ${names}, which leads to this gateway, is ${port}`,
      }),
    );
}

function leadsToGateway({ meta, body }: ResourceOf<'Service'>, options: CompileOptions): boolean {
  const selector = Object.entries(body.spec?.selector ?? {});
  if (meta.namespace !== options.gatewayNamespace || selector.length === 0) return false;
  return selector.every(([key, value]) => options.gatewayLabels[key] === value);
}

const numbersOf = ({ port, targetPort }: { readonly port: number; readonly targetPort?: unknown }) => [
  port,
  targetPort,
];
