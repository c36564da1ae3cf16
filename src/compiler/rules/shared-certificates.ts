import { type Diagnostic, formatObjectRef } from '../../diagnostics/index.ts';
import type { GatewayPlan, ServerPlan } from '../from-gateway.ts';
import { reportAt } from './rule.ts';

/**
 * One certificate for servers of several Gateways on a port: a client may use one HTTP/2 connection for the hosts of
 * both, and SNI has bound it to the server of the first (istio-semantics §1.3, §10.7, IST0138).
 */
export function sharedCertificates({ servers }: GatewayPlan): readonly Diagnostic[] {
  const first = new Map<string, ServerPlan>();
  return servers.flatMap((server) => {
    if (server.handling.kind !== 'https') return [];
    return server.handling.termination.credentials.flatMap((credential) => {
      const key = `${server.port} ${server.bind ?? ''} ${credential}`;
      const holder = first.get(key);
      if (holder === undefined) first.set(key, server);
      return holder === undefined || holder.gateway === server.gateway ? [] : [shared(server, holder, credential)];
    });
  });
}

function shared(server: ServerPlan, holder: ServerPlan, credential: string): Diagnostic {
  return reportAt('certificate-shared', server.object, ['spec', 'servers', server.index, 'tls'], {
    message: `${formatObjectRef(holder.object.ref)} uses the certificate ${credential} on port ${server.port} too`,
    related: [
      {
        message: 'this server uses it as well',
        object: holder.object.ref,
        location: holder.object.origin.locate(['spec', 'servers', holder.index]),
      },
    ],
  });
}
