import type { Diagnostic, Severity } from '../../diagnostics/index.ts';
import type { CompileOptions } from '../compilation.ts';
import type { Gateway, GatewayPlan } from '../from-gateway.ts';
import { reportAt, type Subject } from './rule.ts';

/** Why no listener takes a VirtualService, where no other finding says so already. */
export function unattachedVirtualService(subject: Subject, options: CompileOptions): readonly Diagnostic[] {
  const reason = reasonOf(subject, options);
  if (reason === undefined) return [];
  const { message, severity, field } = reason;
  return [reportAt('unattached', subject.attachable.object, field, { message, severity })];
}

interface Reason {
  readonly message: string;
  readonly severity: Severity;
  readonly field: readonly string[];
}

function reasonOf({ attachable, surroundings: { plan } }: Subject, options: CompileOptions): Reason | undefined {
  const { hosts, gateways, visibility, object } = attachable;
  const hint = (message: string, ...field: readonly string[]): Reason => ({ message, severity: 'hint', field });
  if (hosts.length === 0) return hint('no VirtualService that is served delegates to it', 'spec');
  if (gateways.length === 0) return hint('it names no Gateway, so it is for sidecars only', 'spec');
  if (visibility === undefined) {
    const message = `it is not exported to namespace ${options.gatewayNamespace}, where the gateway runs`;
    return {
      message,
      severity: 'warning',
      field: object.body.spec.exportTo === undefined ? ['spec'] : ['spec', 'exportTo'],
    };
  }
  const known = gateways.filter((gateway) => plan.known.has(gateway));
  if (known.length === 0) return undefined;
  const servers = plan.servers.filter((server) => known.includes(server.gateway));
  if (servers.length === 0) return hint('none of its Gateways opens a port here', 'spec', 'gateways');
  const message = 'none of its rules is for a server of its Gateways; see their match.port and match.gateways';
  return hosts.some((host) => host !== '') && hasRules(object.body.spec)
    ? { message, severity: 'warning', field: ['spec'] }
    : undefined;
}

const hasRules = (spec: { readonly http?: readonly unknown[] }): boolean => (spec.http ?? []).length > 0;

/** Gateways that are for others: their labels are not ours. */
export const unselectedGateways = (gateways: readonly Gateway[], plan: GatewayPlan): readonly Diagnostic[] =>
  gateways
    .filter((gateway) => !plan.selected.has(gateway))
    .map((gateway) =>
      reportAt('unattached', gateway, ['spec', 'selector'], {
        message: 'its selector does not fit the labels of this gateway',
        severity: 'hint',
      }),
    );
