import { inQuotes } from '../describe.ts';
import type { Findings } from '../findings.ts';
import type { EdgePolicyBody } from '../generated/edge-policy.ts';
import type { PolicyExemptionBody } from '../generated/policy-exemption.ts';
import { parseCidr, parseIp } from '../ip.ts';
import { isHeaderToken } from '../istio/names.ts';

type Path = readonly (string | number)[];

/** Headers that belong to the connection or to the message itself: no policy writes them. */
const NOT_OURS: ReadonlySet<string> = new Set(
  'connection content-length content-encoding keep-alive proxy-connection set-cookie te trailer transfer-encoding upgrade'.split(
    ' ',
  ),
);

/** Our own kind's rules; see edge-policy.schema.ts for what it means. */
export function validateEdgePolicy({ spec }: EdgePolicyBody, findings: Findings): void {
  if (spec.selector !== undefined && spec.targetRefs !== undefined)
    findings.conflict(['spec'], 'A policy can have one of selector, for the network team, and targetRefs, for others.');
  for (const [index, target] of (spec.targetRefs ?? []).entries()) {
    const fits = target.kind === 'VirtualService' && (target.group ?? 'networking.istio.io') === 'networking.istio.io';
    if (!fits) findings.error(['spec', 'targetRefs', index], 'An EdgePolicy can be attached to a VirtualService only.');
  }
  for (const part of ['allow', 'deny'] as const)
    networks(spec.clientAddresses?.[part], ['spec', 'clientAddresses', part], findings);
  securityHeaders(spec.securityHeaders, ['spec', 'securityHeaders'], findings);
  for (const [index, type] of (spec.compression?.contentTypes ?? []).entries()) {
    if (!/^[\w!#$&^.+-]+\/(?:\*|[\w!#$&^.+-]+)$/.test(type))
      findings.error(
        ['spec', 'compression', 'contentTypes', index],
        `${inQuotes(type)} is no media type, such as text/html or text/*.`,
      );
  }
}

function networks(texts: readonly string[] = [], path: Path, findings: Findings): void {
  for (const [index, text] of texts.entries()) {
    if (parseCidr(text) === undefined && parseIp(text) === undefined)
      findings.error([...path, index], `${inQuotes(text)} is neither an address nor a network, such as 10.0.0.0/8.`);
  }
}

function securityHeaders(section: EdgePolicyBody['spec']['securityHeaders'], path: Path, findings: Findings): void {
  const lower = new Set<string>();
  for (const [name, value] of Object.entries(section?.set ?? {})) {
    checkName(name, [...path, 'set', name], findings);
    if (lower.has(name.toLowerCase())) findings.error([...path, 'set', name], `${inQuotes(name)} is there twice.`);
    lower.add(name.toLowerCase());
    if (!/^[\t\x20-\x7e]*$/.test(value) || value.trim() !== value)
      findings.error([...path, 'set', name], 'A value has printable ASCII characters only, and no spaces at its ends.');
  }
  for (const [index, name] of (section?.remove ?? []).entries()) {
    checkName(name, [...path, 'remove', index], findings);
    if (lower.has(name.toLowerCase()))
      findings.conflict([...path, 'remove', index], `${inQuotes(name)} cannot be set and removed.`);
  }
}

function checkName(name: string, path: Path, findings: Findings): void {
  if (!isHeaderToken(name)) findings.error(path, `${inQuotes(name)} is no name of a header.`);
  else if (NOT_OURS.has(name.toLowerCase()) || name.toLowerCase().startsWith('access-control-'))
    findings.error(path, `${inQuotes(name)} is not for a policy to say.`);
}

export function validatePolicyExemption({ spec }: PolicyExemptionBody, findings: Findings): void {
  for (const [index, route] of (spec.routes ?? []).entries()) {
    if (!route.startsWith(`${spec.namespace}/`))
      findings.error(
        ['spec', 'routes', index],
        `${inQuotes(route)} is no route of ${inQuotes(spec.namespace)}: ids begin with the namespace.`,
      );
  }
}
