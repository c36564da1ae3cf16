import { nameMatches } from '../../table/index.ts';
import { hostsFor } from '../attach.ts';
import { formatHost } from '../from-gateway.ts';
import { reportAt, type SubjectRule } from './rule.ts';

/** Hosts that no server of a named Gateway takes, its namespace prefixes considered (istio-semantics §10.7, IST0132). */
export const hostNotInGateway: SubjectRule = ({ attachable, surroundings: { plan } }) => {
  const { object, hosts, gateways } = attachable;
  const { namespace } = object.meta;
  return hosts.flatMap((host, i) =>
    gateways.flatMap((gateway) => {
      const servers = plan.servers.filter((server) => server.gateway === gateway);
      if (servers.length === 0) return [];
      if (servers.some((server) => hostsFor(server, namespace).some((mine) => nameMatches(mine, host)))) return [];
      const theirs = [...new Set(servers.flatMap((server) => server.hosts.map(formatHost)))].join(', ');
      const message = `Gateway ${gateway} has no server for ${host} that namespace ${namespace} may use; it has ${theirs}`;
      return [reportAt('unknown-host-in-gateway', object, ['spec', 'hosts', i], { message })];
    }),
  );
};
