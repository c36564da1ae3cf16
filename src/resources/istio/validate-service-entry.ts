import type { FieldPath } from '../../diagnostics/index.ts';
import { inQuotes } from '../describe.ts';
import type { Findings } from '../findings.ts';
import type { ServiceEntryBody, Workload } from '../generated/service-entry.ts';
import type { WorkloadEntryBody } from '../generated/workload-entry.ts';
import { parseIp } from '../ip.ts';
import { isNeverDialled, neverDialledMistake } from '../never-dialled.ts';
import { domainMistake, isDnsLabel, isPartialWildcard } from './names.ts';
import { protocolFamily } from './protocols.ts';
import {
  checkExportTo,
  checkLabels,
  checkPort,
  checkSelector,
  checkSubnet,
  checkUnixPath,
  checkWildcardDomain,
  sentence,
} from './validate-common.ts';
import { validateMetadata } from './validate-metadata.ts';

type Spec = ServiceEntryBody['spec'];

/** istio-semantics §10.5. */
export function validateServiceEntry(body: ServiceEntryBody, findings: Findings, namespace: string): void {
  validateMetadata(body, findings);
  const { spec } = body;
  const { hosts, endpoints = [], workloadSelector } = spec;
  if (workloadSelector !== undefined)
    checkSelector(workloadSelector.labels, ['spec', 'workloadSelector', 'labels'], findings);
  if (workloadSelector !== undefined && endpoints.length > 0)
    findings.conflict(['spec', 'endpoints'], 'A ServiceEntry can have workloadSelector or endpoints, not both.');
  validateHosts(hosts, findings);
  validateAddresses(spec, findings);
  validatePorts(spec, findings);
  validateResolution(spec, findings);
  checkExportTo(spec.exportTo, namespace, findings, 'service-entry');
}

/** What a workload of its own, or one that a ServiceEntry lists, must be. */
export function validateWorkloadEntry(body: WorkloadEntryBody, findings: Findings): void {
  validateMetadata(body, findings);
  validateWorkload(body.spec, undefined, 'names', ['spec'], findings);
}

function validateHosts(hosts: readonly string[], findings: Findings): void {
  for (const [index, host] of hosts.entries()) {
    const path = ['spec', 'hosts', index];
    if (host === '*') findings.error(path, 'A ServiceEntry cannot stand for every host: `*` is none.');
    else if (checkWildcardDomain(host, path, findings) && isPartialWildcard(host))
      findings.warning(path, `${inQuotes(host)}: a star stands for whole labels only.`);
  }
}

function validateAddresses({ addresses = [], resolution = 'NONE' }: Spec, findings: Findings): void {
  for (const [index, address] of addresses.entries()) checkSubnet(address, ['spec', 'addresses', index], findings);
  if (
    addresses.some((address) => address.includes('/')) &&
    resolution !== 'NONE' &&
    resolution !== 'STATIC' &&
    resolution !== 'DYNAMIC_DNS'
  ) {
    findings.conflict(
      ['spec', 'addresses'],
      `With resolution ${resolution} networks cannot be addresses; NONE and STATIC take them.`,
    );
  }
}

function validatePorts(spec: Spec, findings: Findings): void {
  const { ports = [], hosts, addresses = [], resolution = 'NONE' } = spec;
  const names = new Set<string>();
  const numbers = new Set<number>();
  for (const [index, { name = '', number = 0, protocol = '', targetPort = 0 }] of ports.entries()) {
    const path = ['spec', 'ports', index];
    if (names.has(name)) findings.error([...path, 'name'], `Two ports are named ${inQuotes(name)}.`);
    if (numbers.has(number)) findings.error([...path, 'number'], `Two ports have the number ${number}.`);
    names.add(name);
    numbers.add(number);
    checkPortName(name, [...path, 'name'], findings);
    checkPort(number, [...path, 'number'], findings);
    if (targetPort !== 0) checkPort(targetPort, [...path, 'targetPort'], findings);
    const family = protocolFamily(protocol);
    if (protocol !== '' && family === undefined)
      findings.error([...path, 'protocol'], `The protocol ${inQuotes(protocol)} is not known.`);
    else if (hosts.length > 1 && resolution !== 'NONE' && family !== 'http' && family !== 'tls') {
      findings.conflict(
        [...path, 'protocol'],
        'Several hosts can share a port of an HTTP or TLS protocol only: nothing else says which one is meant.',
      );
    }
    // IST0134.
    if (addresses.length === 0 && (protocol === '' || protocol === 'TCP')) {
      findings.warning(path, 'A TCP port without addresses takes all traffic of its number, whatever the host.');
    }
  }
}

function checkPortName(name: string, path: FieldPath, findings: Findings): void {
  if (!isDnsLabel(name))
    findings.error(
      path,
      name === ''
        ? 'A port must have a name.'
        : `${inQuotes(name)} is no name of a port: letters, digits and inner dashes.`,
    );
}

function validateResolution(spec: Spec, findings: Findings): void {
  const { resolution = 'NONE', endpoints = [], workloadSelector } = spec;
  const at = ['spec', 'endpoints'];
  if (workloadSelector !== undefined && resolution !== 'STATIC') {
    findings.warning(['spec', 'workloadSelector'], `With resolution ${resolution} a workloadSelector does nothing.`, {
      code: 'ignored-field',
    });
  }
  switch (resolution) {
    case 'NONE':
      if (endpoints.length > 0) findings.conflict(at, 'With resolution NONE there can be no endpoints.');
      return;
    case 'STATIC':
      for (const [index, endpoint] of endpoints.entries())
        validateWorkload(endpoint, portNames(spec), 'addresses', [...at, index], findings);
      return;
    case 'DNS':
    case 'DNS_ROUND_ROBIN':
      validateDns(spec, resolution, findings);
      return;
    case 'DYNAMIC_DNS':
      validateDynamicDns(spec, findings);
      return;
  }
}

const portNames = ({ ports = [] }: Spec): ReadonlySet<string> => new Set(ports.map(({ name = '' }) => name));

function validateDns(spec: Spec, resolution: string, findings: Findings): void {
  const { endpoints = [], hosts } = spec;
  for (const [index, host] of endpoints.length > 0 ? [] : hosts.entries()) {
    const mistake = domainMistake(host);
    if (mistake !== undefined)
      findings.error(
        ['spec', 'hosts', index],
        `With resolution ${resolution} and no endpoints the host itself is looked up: ${mistake}.`,
      );
  }
  if (resolution === 'DNS_ROUND_ROBIN' && endpoints.length > 1)
    findings.error(['spec', 'endpoints'], 'With resolution DNS_ROUND_ROBIN there can be one endpoint at most.');
  for (const [index, endpoint] of endpoints.entries()) {
    const path = ['spec', 'endpoints', index];
    const { address = '' } = endpoint;
    if (parseIp(address) === undefined && domainMistake(address) !== undefined) {
      findings.error(
        [...path, 'address'],
        `The address ${inQuotes(address)} is neither a domain name nor an IP address.`,
      );
    }
    validateWorkloadPorts(endpoint, portNames(spec), path, findings);
    checkLabels(endpoint.labels, [...path, 'labels'], findings);
  }
}

const DYNAMIC_PROTOCOLS: ReadonlySet<string> = new Set(['http', 'http2', 'grpc', 'tls']);

function validateDynamicDns({ hosts, addresses = [], endpoints = [], ports = [] }: Spec, findings: Findings): void {
  for (const [index, host] of hosts.entries()) {
    if (!host.startsWith('*'))
      findings.error(
        ['spec', 'hosts', index],
        `With resolution DYNAMIC_DNS a host must be a wildcard, which ${inQuotes(host)} is not.`,
      );
  }
  if (addresses.length > 0)
    findings.conflict(['spec', 'addresses'], 'With resolution DYNAMIC_DNS there can be no addresses.');
  if (endpoints.length > 0)
    findings.conflict(
      ['spec', 'endpoints'],
      'With resolution DYNAMIC_DNS there can be no endpoints: the request’s host is looked up.',
    );
  for (const [index, { protocol = '' }] of ports.entries()) {
    if (DYNAMIC_PROTOCOLS.has(protocol.toLowerCase())) continue;
    findings.error(
      ['spec', 'ports', index, 'protocol'],
      `With resolution DYNAMIC_DNS the protocol must be HTTP, HTTP2, GRPC or TLS, not ${inQuotes(protocol)}.`,
    );
  }
}

/** `ports`: names of the ServiceEntry's; undefined for a workload on its own. */
function validateWorkload(
  workload: Workload,
  ports: ReadonlySet<string> | undefined,
  allowed: 'addresses' | 'names',
  path: FieldPath,
  findings: Findings,
): void {
  const { address = '', network = '' } = workload;
  const at = [...path, 'address'];
  const isUnix = address.startsWith('unix://');
  if (address === '' && network === '') {
    findings.missing(at, 'A workload must have an address.');
    return;
  }
  if (address === '')
    findings.warning(at, `The workload has no address; it is reached through its network ${inQuotes(network)} only.`);
  else if (isUnix) {
    checkUnixPath(address.slice('unix://'.length), at, findings);
    if (Object.keys(workload.ports ?? {}).length > 0)
      findings.conflict([...path, 'ports'], 'A unix socket has no ports.');
    if (ports !== undefined && ports.size !== 1)
      findings.conflict(at, 'With a unix socket the ServiceEntry must have exactly one port.');
  } else if (parseIp(address) === undefined) {
    const mistake =
      allowed === 'names'
        ? domainMistake(address)
        : `${inQuotes(address)} is no IP address, which resolution STATIC needs`;
    if (mistake !== undefined) findings.error(at, sentence(mistake));
  } else if (isNeverDialled(address)) findings.error(at, neverDialledMistake(inQuotes(address)));
  validateWorkloadPorts(workload, ports, path, findings);
  checkLabels(workload.labels, [...path, 'labels'], findings);
}

function validateWorkloadPorts(
  workload: Workload,
  ports: ReadonlySet<string> | undefined,
  path: FieldPath,
  findings: Findings,
): void {
  for (const [name, port] of Object.entries(workload.ports ?? {})) {
    const at = [...path, 'ports', name];
    if (ports !== undefined && !ports.has(name))
      findings.error(at, `The ServiceEntry has no port named ${inQuotes(name)}.`, { of: 'key' });
    checkPortName(name, at, findings);
    checkPort(port, at, findings);
  }
}
