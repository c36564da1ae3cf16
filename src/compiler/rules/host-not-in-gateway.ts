import { nameMatches } from '../../table/index.ts';
import { hostsFor } from '../attach.ts';
import { formatHost } from '../from-gateway.ts';
import { reportAt, type SubjectRule } from './rule.ts';

/**
 * Hosts that no server of a named Gateway takes, its namespace prefixes considered (istio-semantics §10.7, IST0132). A
 * host that another of the Gateways takes is served, so that is only worth a look.
 */
export const hostNotInGateway: SubjectRule = ({ attachable, surroundings: { plan } }) => {
  const { object, hosts, gateways } = attachable;
  const { namespace } = object.meta;
  const opened = gateways
    .map((gateway) => ({ gateway, servers: plan.servers.filter((server) => server.gateway === gateway) }))
    .filter(({ servers }) => servers.length > 0);
  return hosts.flatMap((host, i) => {
    const missing = opened.filter(
      ({ servers }) => !servers.some((server) => hostsFor(server, namespace).some((mine) => nameMatches(mine, host))),
    );
    const served = missing.length < opened.length;
    return missing.map(({ gateway, servers }) => {
      const theirs = [...new Set(servers.flatMap((server) => server.hosts.map(formatHost)))].join(', ');
      const message = `Gateway ${gateway} has no server for ${host} that namespace ${namespace} may use; it has ${theirs}`;
      const place = ['spec', 'hosts', i];
      return served
        ? reportAt('unknown-host-in-gateway', object, place, { message, severity: 'hint', consequence: ELSEWHERE })
        : reportAt('unknown-host-in-gateway', object, place, { message });
    });
  });
};

const ELSEWHERE = 'It is served through another of the Gateways alone.';
