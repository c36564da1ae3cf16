import type { CatalogueEntry } from './catalogue.ts';

const NOT_APPLIED = 'The document is not applied; its last good version, if there is one, stays in service.';

/** What can be wrong with a file or with one document, without looking at any other. */
export const DOCUMENT_FINDINGS = {
  'yaml-syntax': {
    severity: 'error',
    summary: 'The file is not well-formed YAML.',
    consequence: 'Nothing of this file is applied; what it said when it was last readable stays in service.',
    remedy: 'Mend the line that is shown.',
  },
  'yaml-limit': {
    severity: 'error',
    summary: 'The file is larger, deeper or more expanded by aliases than is allowed.',
    consequence: 'Nothing of this file is applied; what it said when it was last readable stays in service.',
    remedy:
      'Split it into several files, and write out what its aliases stand for; --max-file-mib says how large a file may be.',
  },
  'yaml-warning': {
    severity: 'warning',
    summary: 'The YAML parser wonders about something.',
    consequence: 'The file is applied as it is understood.',
    remedy: 'Write it in a plainer way.',
  },
  'not-an-object': {
    severity: 'error',
    summary: 'A document is not a resource: it is no mapping, or has no apiVersion, kind or name.',
    consequence: NOT_APPLIED,
    remedy: 'Give it apiVersion, kind and metadata.name.',
  },
  'unknown-kind': {
    severity: 'hint',
    summary: 'A document of a kind that does not concern the gateway.',
    consequence: 'It is passed over; nothing changes for traffic.',
    remedy: 'Nothing, if it is meant for something else.',
  },
  'unsupported-version': {
    severity: 'error',
    summary: 'A kind that the gateway knows, in a version that it does not.',
    consequence: NOT_APPLIED,
    remedy: 'Use a version that is supported.',
  },
  'unknown-field': {
    severity: 'error',
    summary: 'A field that its kind does not have.',
    consequence: NOT_APPLIED,
    remedy: 'Correct its name, or take it out.',
    istio: 'IST0106',
  },
  'wrong-type': {
    severity: 'error',
    summary: 'A value of another type than its field has.',
    consequence: NOT_APPLIED,
    remedy: 'Write a value of the type that is asked for.',
    istio: 'IST0106',
  },
  'unknown-value': {
    severity: 'error',
    summary: 'A word that is none of those that its field takes.',
    consequence: NOT_APPLIED,
    remedy: 'Use one of the words that are listed.',
    istio: 'IST0106',
  },
  'missing-field': {
    severity: 'error',
    summary: 'A field that must be given is not there.',
    consequence: NOT_APPLIED,
    remedy: 'Add it.',
    istio: 'IST0106',
  },
  'invalid-value': {
    severity: 'error',
    summary: 'A value that its field does not take, as Istio’s validation has it.',
    consequence: NOT_APPLIED,
    remedy: 'Correct the value as the message says.',
    istio: 'IST0106',
  },
  'conflicting-fields': {
    severity: 'error',
    summary: 'Fields that exclude one another.',
    consequence: NOT_APPLIED,
    remedy: 'Keep one of them.',
    istio: 'IST0106',
  },
  'invalid-regex': {
    severity: 'error',
    summary: 'A regular expression that RE2 does not take.',
    consequence: NOT_APPLIED,
    remedy: 'Write it in RE2 syntax: no look-around and no back-references, at most 1024 characters.',
    istio: 'IST0106',
  },
  'questionable-value': {
    severity: 'warning',
    summary: 'A value that is accepted, and most probably not meant.',
    consequence: 'The document is applied as it is written.',
    remedy: 'See whether it is what you mean.',
    istio: 'IST0133/IST0134',
  },
  'unusable-key': {
    severity: 'warning',
    summary: 'An inline key set has a key that no token is ever good by: too weak, for something else, or malformed.',
    consequence: 'Tokens that are signed with it are refused; the other keys of the set are used.',
    remedy:
      'Give the issuer a key that holds: RSA of 2048 bits or more, P-256, P-384, P-521, Ed25519, or a secret of 256 bits or more.',
  },
  'exposed-key': {
    severity: 'warning',
    summary: 'An inline key set has a private key or a shared secret.',
    consequence: 'It is used as any other; whoever can read this object can sign tokens that are good here.',
    remedy:
      'Give the issuer another key, and write its public part alone here; take a type that has one instead of a secret.',
  },
  'deprecated-field': {
    severity: 'warning',
    summary: 'A field that Istio is giving up.',
    consequence: 'It still works as the message says.',
    remedy: 'Use the field that takes its place.',
    istio: 'IST0002',
  },
  'ignored-field': {
    severity: 'warning',
    summary: 'A field that has no effect here.',
    consequence: 'Traffic is served as if it were not there.',
    remedy: 'Take it out, or see what it is meant for.',
  },
  'ineffective-rule': {
    severity: 'warning',
    summary: 'A rule, or a match, of one object that its earlier rules leave nothing to.',
    consequence: 'It never gets a request.',
    remedy: 'Put the narrower rule first, or take this one out.',
    istio: 'IST0130/IST0131',
  },
  'too-many-findings': {
    severity: 'error',
    summary: 'More findings at one object than are shown.',
    consequence: NOT_APPLIED,
    remedy: 'Mend those that are shown, then look again.',
  },
  'unread-mesh-setting': {
    severity: 'hint',
    summary: 'A field of MeshConfig that means nothing at this gateway.',
    consequence: 'It is passed over.',
    remedy: 'Nothing.',
  },
  'unknown-mesh-setting': {
    severity: 'warning',
    summary: 'A field that MeshConfig does not have.',
    consequence: 'It is passed over; the default applies.',
    remedy: 'Correct its name, or take it out.',
  },
} as const satisfies Readonly<Record<string, CatalogueEntry>>;
