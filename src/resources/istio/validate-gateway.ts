import type { FieldPath } from '../../diagnostics/index.ts';
import { inQuotes } from '../describe.ts';
import type { Findings } from '../findings.ts';
import type { GatewayBody, Port, Server } from '../generated/gateway.ts';
import { parseIp } from '../ip.ts';
import { isDnsLabel, isPartialWildcard, wildcardDomainMistake } from './names.ts';
import { GATEWAY_PROTOCOLS, protocolFamily } from './protocols.ts';
import { checkPort, checkUnixPath, sentence } from './validate-common.ts';
import { validateMetadata } from './validate-metadata.ts';
import { validateServerTls } from './validate-server-tls.ts';

/** istio-semantics §10.2. */
export function validateGateway(body: GatewayBody, findings: Findings): void {
  validateMetadata(body, findings);
  const { name } = body.metadata;
  if (!isDnsLabel(name))
    findings.error(
      ['metadata', 'name'],
      `A Gateway's name must be one DNS label, which ${inQuotes(name)} is not: no dots, at most 63 characters.`,
    );
  const names = new Set<string>();
  for (const [index, server] of body.spec.servers.entries()) {
    const path = ['spec', 'servers', index];
    validateServer(server, path, findings);
    const portName = server.port.name ?? '';
    if (names.has(portName))
      findings.error([...path, 'port', 'name'], `Two ports of the Gateway are named ${inQuotes(portName)}.`);
    names.add(portName);
  }
}

function validateServer(server: Server, path: FieldPath, findings: Findings): void {
  if (server.hosts.length === 0) findings.missing([...path, 'hosts'], 'A server must have at least one host.');
  for (const [index, host] of server.hosts.entries()) validateHost(host, [...path, 'hosts', index], findings);
  const family = validatePort(server.port, server.bind ?? '', [...path, 'port'], findings);
  validateBind(server, path, findings);
  if (server.tls !== undefined) validateServerTls(server.tls, [...path, 'tls'], findings);
  if (family !== undefined) validateTlsFits(server, family, path, findings);
}

/** The protocol's family, if nothing is wrong with the port. */
function validatePort(port: Port, bind: string, path: FieldPath, findings: Findings): string | undefined {
  const before = findings.list.length;
  const family = protocolFamily(port.protocol ?? '');
  if (family === undefined) {
    findings.error(
      [...path, 'protocol'],
      `The protocol ${inQuotes(port.protocol ?? '')} is not known; it must be ${GATEWAY_PROTOCOLS}.`,
    );
  }
  if ((port.number ?? 0) > 0 || !bind.startsWith('unix://')) checkPort(port.number, [...path, 'number'], findings);
  if ((port.targetPort ?? 0) > 0)
    findings.error([...path, 'targetPort'], 'targetPort means nothing at a Gateway.', {
      remedy: 'Take it out.',
      of: 'key',
    });
  if ((port.name ?? '') === '') findings.missing([...path, 'name'], 'A port must have a name.');
  return findings.list.length === before ? family : undefined;
}

function validateBind({ bind = '', port }: Server, path: FieldPath, findings: Findings): void {
  if (bind.startsWith('unix://')) {
    checkUnixPath(bind.slice('unix://'.length), [...path, 'bind'], findings);
    if ((port.number ?? 0) !== 0)
      findings.conflict([...path, 'port', 'number'], 'A server on a unix socket has the port number 0.');
  } else if (bind !== '' && parseIp(bind) === undefined)
    findings.error([...path, 'bind'], `bind: ${inQuotes(bind)} is no IP address.`);
}

/** `[namespace/]dns`; the namespace may be `*` or `.`. */
function validateHost(host: string, path: FieldPath, findings: Findings): void {
  const slash = host.indexOf('/');
  const namespace = slash === -1 ? undefined : host.slice(0, slash);
  const dns = slash === -1 ? host : host.slice(slash + 1);
  if (namespace !== undefined && namespace !== '*' && namespace !== '.' && !isDnsLabel(namespace)) {
    findings.error(path, `${inQuotes(host)}: ${inQuotes(namespace)} is neither a namespace, nor \`*\`, nor \`.\`.`);
  }
  const mistake = wildcardDomainMistake(dns);
  if (mistake !== undefined && parseIp(dns) === undefined) findings.error(path, sentence(mistake));
  else if (dns !== '*' && !dns.includes('.'))
    findings.error(path, `${inQuotes(dns)} is a short name; a Gateway's hosts must have a dot, or be \`*\`.`);
  else if (isPartialWildcard(dns))
    findings.error(path, `${inQuotes(dns)}: a star must stand for whole labels, as in *.example.com.`);
}

function validateTlsFits(server: Server, family: string, path: FieldPath, findings: Findings): void {
  const { tls, port } = server;
  if (family === 'tls' && tls === undefined)
    findings.missing([...path, 'tls'], `A server of protocol ${port.protocol} must have tls.`);
  if (family === 'tls' || tls === undefined) return;
  const at = [...path, 'tls'];
  if (family !== 'http') findings.conflict(at, `A server of protocol ${port.protocol} cannot have tls.`);
  else if (!PLAIN_TEXT_MODES.has(tls.mode) || hasFiles(tls)) {
    findings.conflict(
      at,
      `A server of protocol ${port.protocol} speaks plain text: of tls only httpsRedirect can be set.`,
    );
  }
  if (family !== 'http' && tls.httpsRedirect === true)
    findings.warning([...at, 'httpsRedirect'], 'httpsRedirect does something on HTTP servers only.', {
      code: 'ignored-field',
    });
}

/** Without TLS to end, these say nothing, and so they pass. */
const PLAIN_TEXT_MODES: ReadonlySet<string | undefined> = new Set([undefined, 'PASSTHROUGH', 'AUTO_PASSTHROUGH']);

const hasFiles = (tls: NonNullable<Server['tls']>): boolean =>
  [tls.caCertificates, tls.privateKey, tls.serverCertificate].some((file) => (file ?? '') !== '');
