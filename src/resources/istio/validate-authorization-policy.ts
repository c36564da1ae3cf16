import type { FieldPath } from '../../diagnostics/index.ts';
import type { Findings } from '../findings.ts';
import type { AuthorizationPolicyBody, Operation, Rule, Source } from '../generated/authorization-policy.ts';
import { pathMistake } from './path-template.ts';
import { validateAttachment } from './validate-attachment.ts';
import { sentence } from './validate-common.ts';
import { checkAddresses, checkFilled, checkPorts, validateCondition } from './validate-condition.ts';
import { validateMetadata } from './validate-metadata.ts';
import { checkServiceAccounts, checkTrustDomains } from './validate-source.ts';

/** istio-semantics §10.6. */
export function validateAuthorizationPolicy(body: AuthorizationPolicyBody, findings: Findings): void {
  const { action = 'ALLOW', provider, rules = [] } = body.spec;
  validateMetadata(body, findings, action);
  validateAttachment(body.spec, findings);
  const needsRules = action === 'CUSTOM' || action === 'DENY';
  if (needsRules && rules.length === 0) {
    findings.error(['spec'], `${action} without rules never does anything.`, {
      code: 'missing-field',
      remedy: 'Add `rules: [{}]` for every request.',
    });
  } else if (action === 'CUSTOM' && (provider?.name ?? '') === '')
    findings.missing(['spec', 'provider', 'name'], 'CUSTOM must have a provider with its name.');
  if (provider !== undefined && action !== 'CUSTOM')
    findings.conflict(['spec', 'provider'], `A provider is for the action CUSTOM, not for ${action}.`);
  for (const [index, rule] of rules.entries()) validateRule(rule, action, ['spec', 'rules', index], findings);
}

function validateRule(rule: Rule, action: string, path: FieldPath, findings: Findings): void {
  const { from = [], to = [], when = [] } = rule;
  for (const field of ['from', 'to'] as const) {
    if (rule[field]?.length === 0)
      findings.warning([...path, field], `An empty \`${field}\` is as if it were absent: it restricts nothing.`, {
        code: 'ignored-field',
      });
  }
  for (const [index, { source }] of from.entries()) {
    const at = [...path, 'from', index, 'source'];
    if (source === undefined) findings.missing(at, 'An entry of `from` must have a source.');
    else validateSource(source, action, at, findings);
  }
  for (const [index, { operation }] of to.entries()) {
    const at = [...path, 'to', index, 'operation'];
    if (operation === undefined) findings.missing(at, 'An entry of `to` must have an operation.');
    else validateOperation(operation, at, findings);
  }
  for (const [index, condition] of when.entries())
    validateCondition(condition, action, [...path, 'when', index], findings);
  if (action === 'DENY') warnOfTcp(rule, path, findings);
}

const SOURCE_FIELDS = [
  'principals',
  'requestPrincipals',
  'namespaces',
  'serviceAccounts',
  'trustDomains',
  'ipBlocks',
  'remoteIpBlocks',
] as const;
const OPERATION_FIELDS = ['ports', 'methods', 'paths', 'hosts'] as const;
/** Not known before the authorizer is asked, which comes first of all (istio-semantics §6.2). */
const NOT_FOR_CUSTOM = ['namespaces', 'serviceAccounts', 'principals', 'trustDomains', 'requestPrincipals'] as const;

type Negated<F extends string> = `not${Capitalize<F>}`;
const withNots = <F extends string>(fields: readonly F[]): readonly (F | Negated<F>)[] =>
  fields.flatMap((field) => [field, `not${field.charAt(0).toUpperCase()}${field.slice(1)}` as Negated<F>]);

function validateSource(source: Source, action: string, path: FieldPath, findings: Findings): void {
  const filled = withNots(SOURCE_FIELDS).filter((field) => (source[field]?.length ?? 0) > 0);
  if (filled.length === 0) findings.missing(path, 'A source must say something: an empty one is refused.');
  for (const field of action === 'CUSTOM' ? withNots(NOT_FOR_CUSTOM).filter((name) => filled.includes(name)) : []) {
    findings.conflict([...path, field], `${field} is not known yet when a CUSTOM provider is asked.`);
  }
  const byAccount = filled.some((field) => /serviceaccounts/i.test(field));
  const byOther = filled.find((field) => /^(?:not)?(?:principals|namespaces)$/i.test(field));
  if (byAccount && byOther !== undefined)
    findings.conflict([...path, byOther], 'serviceAccounts cannot be had together with principals or namespaces.');
  for (const field of withNots(['ipBlocks', 'remoteIpBlocks'] as const))
    checkAddresses(source[field], [...path, field], findings);
  for (const field of withNots(['principals', 'requestPrincipals', 'namespaces'] as const))
    checkFilled(source[field], [...path, field], findings);
  for (const field of withNots(['serviceAccounts'] as const))
    checkServiceAccounts(source[field], [...path, field], findings);
  for (const field of withNots(['trustDomains'] as const)) checkTrustDomains(source[field], [...path, field], findings);
}

function validateOperation(operation: Operation, path: FieldPath, findings: Findings): void {
  const filled = withNots(OPERATION_FIELDS).filter((field) => (operation[field]?.length ?? 0) > 0);
  if (filled.length === 0) findings.missing(path, 'An operation must say something: an empty one is refused.');
  for (const field of withNots(['ports'] as const)) checkPorts(operation[field], [...path, field], findings);
  for (const field of withNots(['methods', 'paths', 'hosts'] as const))
    checkFilled(operation[field], [...path, field], findings);
  for (const field of withNots(['paths'] as const)) {
    for (const [index, template] of (operation[field] ?? []).entries()) {
      const mistake = pathMistake(template);
      if (mistake !== undefined) findings.error([...path, field, index], sentence(mistake));
    }
  }
}

/** HTTP conditions count as met on a TCP port when they deny. */
function warnOfTcp({ from = [], to = [] }: Rule, path: FieldPath, findings: Findings): void {
  const sources = from.flatMap(({ source }) => (source === undefined ? [] : [source]));
  const operations = to.flatMap(({ operation }) => (operation === undefined ? [] : [operation]));
  const tcpFrom = sources.some((source) => Object.keys(source).some((field) => !/requestprincipals/i.test(field)));
  const tcpTo = operations.some(({ ports, notPorts }) => ports !== undefined || notPorts !== undefined);
  if ((sources.length > 0 && operations.length === 0 && !tcpFrom) || (operations.length > 0 && !tcpTo)) {
    findings.warning(path, 'A DENY rule with conditions of HTTP alone also denies every TCP port in its scope.', {
      remedy: 'Name the ports.',
    });
  }
}
