import type { CatalogueEntry } from './catalogue.ts';

/** What is weaker than anybody should want, though it may be written. */
export const POLICY_FINDINGS = {
  'open-credentials': {
    severity: 'error',
    summary: 'A corsPolicy that lets pages of any origin send credentials and read the answers.',
    consequence:
      'It is served as Istio serves it: any page that a user visits acts for that user here. The admission webhook refuses the object.',
    remedy: 'List the origins that are meant, or take allowCredentials out.',
    refusedAtAdmission: true,
  },
  'open-origin': {
    severity: 'warning',
    summary: 'An allowed origin that origins of other owners fit as well, with credentials allowed.',
    consequence: 'Pages of such an origin act for the users who visit them.',
    remedy: 'Write whole origins with `exact`, or end the prefix behind the host with a colon.',
  },
  'unknown-target': {
    severity: 'warning',
    summary:
      'A policy, a limit or an exemption for a VirtualService, a namespace with any, or an EdgePolicy, that is not there.',
    consequence: 'It acts on nothing there: the routes that it is meant for are served without it.',
    remedy:
      'Correct the name; targetRefs name VirtualServices of the policy’s own namespace, exemptions EdgePolicies of theirs.',
    istio: 'IST0101',
  },
  'unserved-host': {
    severity: 'warning',
    summary: 'A RateLimit for a host that no VirtualService answers for.',
    consequence: 'It counts no request for that host that any route takes: what it is meant for is not limited.',
    remedy: 'Correct the host, or take it out; hosts are written without port, as `a.example.com` or `*.example.com`.',
  },
  'path-never-met': {
    severity: 'warning',
    summary:
      'A path in a match or a policy that no request ever has, since paths are normalised before they are looked at.',
    consequence:
      'It fits nothing: a route never answers by it, a rule that denies by it denies nothing, and notPaths excludes nothing by it.',
    remedy:
      'Write the path as it is after normalisation: with a slash first, without query, dot segments, doubled slashes or needless escapes.',
  },
  'claim-limit-without-authentication': {
    severity: 'warning',
    summary: 'A RateLimit by a token’s claim, and no RequestAuthentication that acts at the gateway.',
    consequence: 'No token is ever verified: callers are counted by their addresses.',
    remedy: 'Have the network team add a RequestAuthentication, or count by something else.',
  },
  'exemption-expired': {
    severity: 'warning',
    summary: 'A PolicyExemption whose day is past.',
    consequence: 'It lifts nothing any more: what is mandatory holds for its routes.',
    remedy: 'Take it out, or have its approver give it another day; mend the policies that are named.',
  },
  'exemption-expires-soon': {
    severity: 'hint',
    summary: 'A PolicyExemption that expires within two weeks.',
    consequence: 'From that moment what is mandatory holds for its routes.',
    remedy: 'Mend the policies that are named before, or have its approver give it another day.',
  },
} as const satisfies Readonly<Record<string, CatalogueEntry>>;
