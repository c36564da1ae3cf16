import type { CatalogueEntry } from './catalogue.ts';

/** What shows when destinations are put together: services, entries, endpoints, the rules for them. */
export const BACKEND_FINDINGS = {
  'host-provided-twice': {
    severity: 'warning',
    summary: 'A ServiceEntry for a host that something else provides already.',
    consequence: 'Its endpoints get no traffic from this gateway.',
    remedy: 'Take the host out of one of them; Kubernetes’ own service wins, else the oldest.',
  },
  'entry-protocol-conflict': {
    severity: 'warning',
    summary: 'Two ServiceEntries give different protocols to one host and port.',
    consequence: 'Requests are sent in the protocol of the one that counts.',
    remedy: 'Write the same protocol in both.',
    istio: 'IST0177',
  },
  'port-without-protocol': {
    severity: 'hint',
    summary: 'A service port whose protocol neither its name nor appProtocol tells.',
    consequence: 'It is spoken to in HTTP/1.1.',
    remedy: 'Set appProtocol, or begin the name with the protocol: http-web, http2-web, grpc-web.',
    istio: 'IST0118',
  },
  'destination-without-endpoints': {
    severity: 'error',
    summary: 'A destination whose kind of resolution or balancing finds no endpoints at a gateway.',
    consequence: 'Requests that go there are answered 503.',
    remedy: 'List the endpoints with resolution STATIC, or name them with resolution DNS.',
  },
  'rule-not-applied': {
    severity: 'hint',
    summary: 'A DestinationRule for a known host that does not shape this gateway’s traffic.',
    consequence: 'Requests through this gateway are sent as if it were not there.',
    remedy: 'Put it in the namespace of the service, exported to the gateway’s namespace, and have one rule a host.',
  },
  'server-certificate-unverified': {
    severity: 'warning',
    summary: 'TLS to a backend that does not make sure who answers.',
    consequence: 'Whoever gets into the path can read and change the traffic.',
    remedy: 'Give caCertificates or credentialName, and subjectAltNames, and take out insecureSkipVerify.',
    istio: 'IST0128/IST0129',
  },
  'system-authorities-trusted': {
    severity: 'hint',
    summary: 'TLS to a backend without caCertificates.',
    consequence:
      'A certificate of any authority that the operating system trusts is taken, for the names that are looked for.',
    remedy: 'Give caCertificates, or `system` where that is meant, or a credentialName.',
    istio: 'IST0128/IST0129',
  },
} as const satisfies Readonly<Record<string, CatalogueEntry>>;
