import type { LocalReply } from '../fault.ts';

/** `matched`: the name of the rule that denies; undefined: some rules allow, and none of them fits (§6.2). */
export const rbacDenied = (matched: string | undefined): LocalReply => ({
  status: 403,
  cause: 'rbac-denied',
  side: 'policy',
  message: 'RBAC: access denied',
  details: `rbac_access_denied_matched_policy[${matched ?? 'none'}]`,
});

/** Names with spaces would fall apart in logs; namespaces and names of objects have none. */
export const ruleName = (namespace: string, name: string, index: number): string =>
  `ns[${namespace}]-policy[${name}]-rule[${index}]`;
