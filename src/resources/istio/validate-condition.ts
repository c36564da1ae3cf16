import type { FieldPath } from '../../diagnostics/index.ts';
import { nearest } from '../../kernel/nearest.ts';
import { inQuotes } from '../describe.ts';
import type { Findings } from '../findings.ts';
import type { Condition } from '../generated/authorization-policy.ts';
import { parseCidr, parseIp } from '../ip.ts';
import { checkServiceAccounts, checkTrustDomains } from './validate-source.ts';

type Check = (values: readonly string[] | undefined, path: FieldPath, findings: Findings) => void;

const anyText: Check = () => undefined;

/** Attributes that stand alone, and what their values must be (istio-semantics §6.3). */
const ATTRIBUTES: Readonly<Record<string, Check>> = {
  'source.ip': checkAddresses,
  'remote.ip': checkAddresses,
  'destination.ip': checkAddresses,
  'destination.port': checkPorts,
  'source.namespace': anyText,
  'source.principal': anyText,
  'source.serviceAccount': checkServiceAccounts,
  'source.trustDomain': checkTrustDomains,
  'request.auth.principal': anyText,
  'request.auth.audiences': anyText,
  'request.auth.presenter': anyText,
  'connection.sni': anyText,
};

/** Attributes with a name in brackets: `request.headers[x-token]`. */
const MAPS: readonly string[] = [
  'request.headers',
  'request.experimental.inline.headers',
  'request.auth.claims',
  'experimental.envoy.filters.',
];

const KNOWN = [...Object.keys(ATTRIBUTES), 'request.headers[…]', 'request.auth.claims[…]'];
const UNKNOWN_TO_CUSTOM = /^(?:source\.(?:namespace|principal|serviceAccount|trustDomain)$|request\.auth\.)/;

export function validateCondition(
  { key = '', values, notValues }: Condition,
  action: string,
  path: FieldPath,
  findings: Findings,
): void {
  const at = [...path, 'key'];
  if (key === '') {
    findings.missing(at, 'A condition must have a key.');
    return;
  }
  if (action === 'CUSTOM' && UNKNOWN_TO_CUSTOM.test(key))
    findings.conflict(at, `${key} is not known yet when a CUSTOM provider is asked.`);
  if ((values?.length ?? 0) === 0 && (notValues?.length ?? 0) === 0) {
    findings.missing([...path, 'values'], `A condition on ${inQuotes(key)} must have values or notValues.`);
    return;
  }
  checkFilled(values, [...path, 'values'], findings);
  checkFilled(notValues, [...path, 'notValues'], findings);
  if (MAPS.some((map) => key.startsWith(map))) checkBrackets(key, at, findings);
  else if (Object.hasOwn(ATTRIBUTES, key)) {
    ATTRIBUTES[key]?.(values, [...path, 'values'], findings);
    ATTRIBUTES[key]?.(notValues, [...path, 'notValues'], findings);
  } else {
    const meant = nearest(key, KNOWN);
    findings.error(at, `The attribute ${inQuotes(key)} is not known.`, {
      remedy: meant === undefined ? `Use one of ${KNOWN.join(', ')}.` : `Did you mean ${meant}?`,
    });
  }
}

function checkBrackets(key: string, path: FieldPath, findings: Findings): void {
  const open = key.indexOf('[');
  if (!key.endsWith(']') || open < 1 || open >= key.length - 2)
    findings.error(path, `${inQuotes(key)} must have a name in brackets, as in request.headers[x-token].`);
}

export function checkFilled(texts: readonly string[] | undefined, path: FieldPath, findings: Findings): void {
  for (const [index, text] of (texts ?? []).entries())
    if (text === '') findings.error([...path, index], `An entry of ${String(path.at(-1))} must not be empty.`);
}

export function checkAddresses(texts: readonly string[] | undefined, path: FieldPath, findings: Findings): void {
  for (const [index, text] of (texts ?? []).entries()) {
    const isNetwork = text.includes('/');
    if (isNetwork ? parseCidr(text) !== undefined : parseIp(text) !== undefined) continue;
    findings.error(
      [...path, index],
      `${inQuotes(text)} is ${isNetwork ? 'no network such as 10.0.0.0/8' : 'no IP address'}.`,
    );
  }
}

/** 0 passes. */
export function checkPorts(texts: readonly string[] | undefined, path: FieldPath, findings: Findings): void {
  for (const [index, text] of (texts ?? []).entries()) {
    if (!/^\d+$/.test(text) || Number(text) > 65_535)
      findings.error([...path, index], `${inQuotes(text)} is no port number.`);
  }
}
