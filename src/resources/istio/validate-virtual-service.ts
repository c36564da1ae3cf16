import type { FieldPath } from '../../diagnostics/index.ts';
import { inQuotes } from '../describe.ts';
import type { Findings } from '../findings.ts';
import type { TCPRoute, TLSMatchAttributes, TLSRoute, VirtualServiceBody } from '../generated/virtual-service.ts';
import { parseIp } from '../ip.ts';
import { hostsOverlap, isClaimKey, isHostWithin, wildcardDomainMistake } from './names.ts';
import { checkExportTo, checkGatewayNames, checkLabels, checkPort, checkSubnet, sentence } from './validate-common.ts';
import { validateWeights } from './validate-destination.ts';
import { validateHttpRoute } from './validate-http-route.ts';
import { validateMetadata } from './validate-metadata.ts';
import { warnOfUnreachableRules } from './validate-unreachable.ts';

/** istio-semantics §10.3. */
export function validateVirtualService(body: VirtualServiceBody, findings: Findings, namespace: string): void {
  validateMetadata(body, findings);
  const { hosts = [], gateways = [], http = [], tls = [], tcp = [] } = body.spec;
  const isDelegate = hosts.length === 0;
  if (isDelegate) validateDelegate(body, findings);
  checkGatewayNames(gateways, ['spec', 'gateways'], findings);
  const onMesh = gateways.length === 0 || gateways.includes('mesh');
  if (onMesh) refuseClaims(body, findings);
  validateHosts(hosts, onMesh, tls, findings);
  if (http.length === 0 && tls.length === 0 && tcp.length === 0)
    findings.missing(['spec', 'http'], 'A VirtualService must have http, tls or tcp rules.');
  for (const [index, route] of http.entries()) validateHttpRoute(route, isDelegate, ['spec', 'http', index], findings);
  for (const [index, route] of tls.entries()) validateTlsRoute(route, hosts, ['spec', 'tls', index], findings);
  for (const [index, route] of tcp.entries()) validateTcpRoute(route, ['spec', 'tcp', index], findings);
  checkExportTo(body.spec.exportTo, namespace, findings);
  warnOfUnreachableRules(body.spec, findings);
}

/** Without hosts it is what others delegate to. */
function validateDelegate({ spec }: VirtualServiceBody, findings: Findings): void {
  for (const field of ['gateways', 'tls', 'tcp'] as const) {
    if ((spec[field]?.length ?? 0) === 0) continue;
    findings.conflict(['spec', field], `A VirtualService without hosts is a delegate, and a delegate has no ${field}.`);
  }
}

function refuseClaims({ spec }: VirtualServiceBody, findings: Findings): void {
  for (const [rule, { match = [] }] of (spec.http ?? []).entries()) {
    for (const [index, request] of match.entries()) {
      for (const field of ['headers', 'withoutHeaders'] as const) {
        for (const key of Object.keys(request[field] ?? {}).filter(isClaimKey)) {
          findings.conflict(
            ['spec', 'http', rule, 'match', index, field, key],
            'Conditions on claims work at gateways only: name the gateways, and leave `mesh` out.',
          );
        }
      }
    }
  }
}

function validateHosts(hosts: readonly string[], onMesh: boolean, tls: readonly TLSRoute[], findings: Findings): void {
  const before = findings.list.length;
  const bySni = tls.some(({ match = [] }) => match.some(({ sniHosts = [] }) => sniHosts.length > 0));
  for (const [index, host] of hosts.entries()) {
    const path = ['spec', 'hosts', index];
    const mistake = !onMesh && bySni && isGeneratedSni(host) ? undefined : wildcardDomainMistake(host);
    if (mistake !== undefined && parseIp(host) === undefined) findings.error(path, sentence(mistake));
    else if (onMesh && host === '*')
      findings.error(path, 'The host `*` is for gateways only: name the gateways, and leave `mesh` out.');
  }
  if (findings.list.length > before) return;
  for (const [index, host] of hosts.entries()) {
    const other = hosts.slice(0, index).find((earlier) => hostsOverlap(earlier, host));
    if (other !== undefined)
      findings.conflict(
        ['spec', 'hosts', index],
        `The hosts ${inQuotes(other)} and ${inQuotes(host)} overlap within one VirtualService.`,
      );
  }
}

/** `outbound_.80_._.web.shops.svc`, as Istio names its own clusters between networks. */
const isGeneratedSni = (host: string): boolean => host.startsWith('outbound_.') && /outbound_.[0-8]/.test(host);

function validateTlsRoute(route: TLSRoute, hosts: readonly string[], path: FieldPath, findings: Findings): void {
  const { match = [], route: destinations = [] } = route;
  if (match.length === 0) findings.missing([...path, 'match'], 'A tls rule must have a match with sniHosts.');
  for (const [index, condition] of match.entries())
    validateTlsMatch(condition, hosts, [...path, 'match', index], findings);
  if (destinations.length === 0) findings.missing([...path, 'route'], 'A tls rule must have a route.');
  validateWeights(destinations, [...path, 'route'], findings);
}

function validateTlsMatch(
  match: TLSMatchAttributes,
  hosts: readonly string[],
  path: FieldPath,
  findings: Findings,
): void {
  const { sniHosts = [] } = match;
  if (sniHosts.length === 0)
    findings.missing([...path, 'sniHosts'], 'A match of a tls rule must have at least one SNI host.');
  for (const [index, sni] of sniHosts.entries()) validateSni(sni, hosts, [...path, 'sniHosts', index], findings);
  validateL4Match(match, path, findings);
}

function validateSni(sni: string, hosts: readonly string[], path: FieldPath, findings: Findings): void {
  const mistake = isGeneratedSni(sni) ? undefined : wildcardDomainMistake(sni);
  if (mistake !== undefined) {
    if (parseIp(sni) === undefined) findings.error(path, sentence(mistake));
    else findings.warning(path, `SNI has no room for IP addresses: hardly a client sends ${inQuotes(sni)}.`);
  } else if (!hosts.some((host) => isHostWithin(sni, host))) {
    findings.error(path, `The SNI host ${inQuotes(sni)} is none of the VirtualService’s hosts: ${hosts.join(', ')}.`);
  }
}

function validateTcpRoute(route: TCPRoute, path: FieldPath, findings: Findings): void {
  for (const [index, match] of (route.match ?? []).entries())
    validateL4Match(match, [...path, 'match', index], findings);
  if ((route.route?.length ?? 0) === 0) findings.missing([...path, 'route'], 'A tcp rule must have a route.');
  validateWeights(route.route ?? [], [...path, 'route'], findings);
}

type L4Match = Pick<TLSMatchAttributes, 'destinationSubnets' | 'port' | 'sourceLabels' | 'gateways'>;

function validateL4Match(match: L4Match, path: FieldPath, findings: Findings): void {
  for (const [index, subnet] of (match.destinationSubnets ?? []).entries())
    checkSubnet(subnet, [...path, 'destinationSubnets', index], findings);
  if ((match.port ?? 0) !== 0) checkPort(match.port, [...path, 'port'], findings);
  checkLabels(match.sourceLabels, [...path, 'sourceLabels'], findings);
  checkGatewayNames(match.gateways, [...path, 'gateways'], findings);
}
