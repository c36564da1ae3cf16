import type { FieldPath } from '../../diagnostics/index.ts';
import { inQuotes } from '../describe.ts';
import type { Findings } from '../findings.ts';

const MAX_ACCOUNTS = 16;
const MAX_ACCOUNT_LENGTH = 320;

/** `namespace/account`, or `account` of the policy's own namespace (istio-semantics §10.6). */
export function checkServiceAccounts(
  accounts: readonly string[] | undefined,
  path: FieldPath,
  findings: Findings,
): void {
  if ((accounts?.length ?? 0) > MAX_ACCOUNTS)
    findings.error(path, `At most ${MAX_ACCOUNTS} service accounts can be listed.`);
  for (const [index, account] of (accounts ?? []).entries()) {
    const at = [...path, index];
    const parts = account.split('/');
    if (account.includes('*')) findings.error(at, `${inQuotes(account)}: service accounts take no wildcards.`);
    else if (parts.length > 2 || parts.some((part) => part === ''))
      findings.error(at, `${inQuotes(account)} is neither \`namespace/account\` nor \`account\`.`);
    else if (account.length > MAX_ACCOUNT_LENGTH)
      findings.error(at, `A service account has at most ${MAX_ACCOUNT_LENGTH} characters.`);
  }
}

/** A star may stand at one end, or alone. */
export function checkTrustDomains(domains: readonly string[] | undefined, path: FieldPath, findings: Findings): void {
  for (const [index, domain] of (domains ?? []).entries()) {
    const at = [...path, index];
    if (domain === '') findings.error(at, 'A trust domain must not be empty.');
    else if (domain.includes('/')) findings.error(at, `${inQuotes(domain)}: a trust domain has no slash.`);
    else if (!/^(?:\*?[^*]+|[^*]+\*|\*)$/.test(domain))
      findings.error(at, `${inQuotes(domain)}: a star is for one end of a trust domain only.`);
  }
}
