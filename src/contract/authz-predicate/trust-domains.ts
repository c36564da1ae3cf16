/** The mesh's own trust domain and its aliases; policies may always call it `cluster.local` (istio-semantics §6.3, Istio's trust domain migration). */
export type TrustDomains = readonly string[];

const OWN = 'cluster.local';
export const DEFAULT_TRUST_DOMAINS: TrustDomains = [OWN];

/**
 * A principal of one of the mesh's trust domains stands for the same account in each of them, so that policies hold while
 * a mesh moves from one to another. Others, and those of any trust domain, stay as they are.
 */
export const inAllTrustDomains = (principals: readonly string[], mesh: TrustDomains): readonly string[] =>
  principals.flatMap((principal) => {
    const [domain = '', ...account] = principal.split('/');
    if (account.length !== 4 || domain === '*') return [principal];
    if (domain !== OWN && !mesh.some((one) => covers(domain, one))) return [principal];
    const spread = mesh.map((one) => (isSuffixOf(domain, one) ? principal : [one, ...account].join('/')));
    return [...new Set(spread)];
  });

const isSuffixOf = (pattern: string, text: string): boolean =>
  pattern.startsWith('*') && text.endsWith(pattern.slice(1));

const covers = (pattern: string, text: string): boolean =>
  pattern === text || isSuffixOf(pattern, text) || (pattern.endsWith('*') && text.startsWith(pattern.slice(0, -1)));
