import type { CatalogueEntry } from './catalogue.ts';

/** What shows only when all objects are seen together. */
export const COMPILER_FINDINGS = {
  'duplicate-object': {
    severity: 'error',
    summary: 'Two documents of one kind, namespace and name.',
    consequence: 'Only one of them is applied.',
    remedy: 'Rename one, or take it out.',
  },
  'namespace-mismatch': {
    severity: 'error',
    summary: 'A document whose metadata.namespace is not that of its folder.',
    consequence: 'The document is not applied.',
    remedy: 'Move the file to the folder of its namespace, or leave metadata.namespace out.',
  },
  'unknown-gateway': {
    severity: 'error',
    summary: 'A VirtualService names a Gateway that does not exist.',
    consequence: 'Its routes are not served there.',
    remedy: 'Correct the name; write `namespace/name` for a Gateway of another namespace.',
    istio: 'IST0101',
  },
  'unknown-host-in-gateway': {
    severity: 'warning',
    summary: 'No server of the Gateway takes this host.',
    consequence: 'Requests for the host are not answered by this VirtualService.',
    remedy: 'Ask the owner of the Gateway to add the host, or use one that it lists.',
    istio: 'IST0132',
  },
  unattached: {
    severity: 'warning',
    summary: 'An object that no listener of this gateway takes.',
    consequence: 'It has no effect here.',
    remedy: 'See its selector, gateways, hosts and exportTo.',
  },
  'dangling-destination': {
    severity: 'error',
    summary: 'A destination that no Service or ServiceEntry provides.',
    consequence: 'Requests that go there are answered 503.',
    remedy:
      'Correct host and port, or add the Service; a name without a dot is looked for in the VirtualService’s own namespace.',
    istio: 'IST0101',
  },
  'unknown-subset': {
    severity: 'error',
    summary: 'A subset that no DestinationRule visible to the gateway defines.',
    consequence: 'Requests that go there are answered 503.',
    remedy: 'Define the subset in a DestinationRule for that host, exported to the gateway’s namespace.',
    istio: 'IST0101',
  },
  'port-required': {
    severity: 'error',
    summary: 'A destination without port at a service of several ports.',
    consequence: 'The listener’s own port number is taken instead, which the service mostly lacks: 503.',
    remedy: 'Give destination.port.number.',
    istio: 'IST0112',
  },
  'unreachable-rule': {
    severity: 'warning',
    summary: 'A rule that earlier ones leave no request to.',
    consequence: 'It never answers.',
    remedy: 'Put it before the rule that is named, or take it out.',
    istio: 'IST0130',
  },
  overlap: {
    severity: 'hint',
    summary: 'Two rules that can match the same request.',
    consequence: 'The one that stands first answers.',
    remedy: 'See whether the winner is the one you mean; the witness is a request that both match.',
  },
  shadowed: {
    severity: 'warning',
    summary: 'A rule whose requests all go to another object’s rule.',
    consequence: 'It never answers.',
    remedy: 'Agree with the owner of the rule that is named.',
  },
  'delegate-missing': {
    severity: 'error',
    summary: 'A delegate that does not exist, or is not exported to the delegating namespace.',
    consequence: 'Requests for this rule are answered 503.',
    remedy: 'Correct the name, or have the delegate exported.',
    istio: 'IST0101',
  },
  'delegate-conflict': {
    severity: 'warning',
    summary: 'A delegate’s match contradicts that of the rule that delegates to it.',
    consequence: 'This combination of matches is left out.',
    remedy: 'Make the delegate’s match narrower than the root’s.',
  },
  'route-failed': {
    severity: 'error',
    summary: 'A rule that cannot be honoured.',
    consequence: 'Requests that match it are answered 503.',
    remedy: 'Mend what the message says.',
  },
  'server-conflict': {
    severity: 'error',
    summary: 'Two servers that cannot share a port.',
    consequence: 'The younger server is not opened.',
    remedy: 'Give it another port, or another bind address.',
    istio: 'IST0145',
  },
  'host-already-served': {
    severity: 'error',
    summary: 'A TLS server for a host that an older TLS server of the port has.',
    consequence: 'The whole younger server is not opened.',
    remedy: 'Take the host out of one of them.',
    istio: 'IST0145',
  },
  'credential-missing': {
    severity: 'error',
    summary: 'A Secret that does not exist where it is looked for.',
    consequence: 'TLS handshakes of this server fail; others are not affected.',
    remedy: 'Create the Secret in the namespace of the gateway’s pod.',
    istio: 'IST0101',
  },
  'credential-invalid': {
    severity: 'error',
    summary: 'A Secret whose keys or certificates cannot be used.',
    consequence: 'TLS handshakes of this server fail; others are not affected.',
    remedy: 'Put a PEM certificate and its key in tls.crt and tls.key.',
    istio: 'IST0161',
  },
  'certificate-expires': {
    severity: 'warning',
    summary: 'A certificate that has expired, or will within two weeks; told by the commands, not by the gateway.',
    consequence: 'It is shown to clients all the same, and they break off once it has expired.',
    remedy: 'Renew it.',
  },
  'certificate-shared': {
    severity: 'hint',
    summary: 'One certificate for servers of several Gateways on one port.',
    consequence:
      'A client that sends requests for the other’s hosts over the HTTP/2 connection it has is not answered by their routes.',
    remedy: 'Put the hosts into one server, or give each server a certificate for its own hosts alone.',
    istio: 'IST0138',
  },
  'port-not-in-service': {
    severity: 'warning',
    summary: 'A port of a Gateway that no Service of the gateway leads to.',
    consequence: 'The port is opened, and clients do not reach it through the Service.',
    remedy: 'Add the port to the Service, or take the server out.',
    istio: 'IST0162',
  },
  'mode-needs-mesh': {
    severity: 'error',
    summary: 'A TLS mode that needs certificates or sidecars of a mesh.',
    consequence: 'Connections of this server fail; others are not affected.',
    remedy: 'Use SIMPLE or MUTUAL with a credentialName, or PASSTHROUGH.',
  },
  'mesh-rules-bypassed': {
    severity: 'hint',
    summary: 'A destination without subset at a host whose rules for the mesh choose subsets.',
    consequence: 'Requests through the gateway go to all endpoints of the host.',
    remedy: 'Name the subset here, or bind the rules that are named to the Gateway as well.',
    istio: 'IST0140',
  },
  'subset-selects-nothing': {
    severity: 'warning',
    summary: 'No endpoint has the labels of a subset.',
    consequence: 'Requests for the subset are answered 503.',
    remedy: 'Compare the labels with those of the pods.',
    istio: 'IST0173',
  },
  'unknown-rule-host': {
    severity: 'warning',
    summary: 'A DestinationRule for a host that does not exist.',
    consequence: 'It has no effect.',
    remedy: 'Correct the host.',
    istio: 'IST0174',
  },
  'policy-without-effect': {
    severity: 'warning',
    summary: 'A policy that does not act at this gateway.',
    consequence: 'Requests pass as if it were not there.',
    remedy:
      'Policies act from the root namespace or the gateway’s own, with a selector that fits the gateway’s labels.',
    istio: 'IST0127/IST0167',
  },
  'weakens-mandatory-policy': {
    severity: 'error',
    summary: 'A team’s EdgePolicy that would weaken what the network team has made mandatory.',
    consequence: 'The mandatory value holds; the rest of the policy acts.',
    remedy: 'Take the value out, or ask the network team for a PolicyExemption.',
  },
  'unusable-provider': {
    severity: 'error',
    summary: 'A CUSTOM policy whose provider cannot be asked.',
    consequence:
      'Requests that its rules fit are answered 403; by failOpen and statusOnError where the service is known and the port is not, or is not exported to the gateway.',
    remedy:
      'Have the network team define the provider in extensionProviders of the mesh settings, over HTTP or gRPC, with a service that the gateway sees; one provider for one gateway.',
  },
  'service-needs-http2': {
    severity: 'error',
    summary: 'An authorizer or a rate-limit service is to be asked over gRPC, at a port that is spoken to in HTTP/1.1.',
    consequence:
      'It is never asked: every request that it should decide about goes as if it were down, by failOpen and statusOnError, or by onStoreFailure.',
    remedy:
      'Give the port appProtocol grpc, or a name that begins with grpc, in its Service; protocol GRPC in its ServiceEntry; or h2UpgradePolicy UPGRADE in its DestinationRule.',
  },
  'unknown-rate-limit-service': {
    severity: 'error',
    summary: 'A RateLimit whose service is not known here.',
    consequence: 'Nobody is asked: its requests pass, or with onStoreFailure deny are answered 503.',
    remedy: 'Name a host and port of a Service or ServiceEntry that the gateway’s namespace sees.',
  },
  'claim-route-without-authentication': {
    severity: 'error',
    summary: 'A match on a token’s claims, and no RequestAuthentication that acts at the gateway.',
    consequence: 'It never matches, or, where inverted, always.',
    remedy: 'Have the network team add a RequestAuthentication.',
    istio: 'IST0149',
  },
  'regex-too-large': {
    severity: 'error',
    summary: 'A regular expression that compiles to too large a program.',
    consequence: 'Requests for this rule are answered 503.',
    remedy: 'Make it smaller: fewer and lower repetition counts.',
  },
  quota: {
    severity: 'error',
    summary: 'More of something than a namespace may have.',
    consequence: 'What goes beyond is not applied.',
    remedy: 'Take some out, or ask the network team for more.',
  },
} as const satisfies Readonly<Record<string, CatalogueEntry>>;
