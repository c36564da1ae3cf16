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
