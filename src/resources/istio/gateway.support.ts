import { differs, ignoredSilently, type KindSupport, notAtAnIngress, supported } from '../support.ts';

/** istio-semantics §1, §10.2. */
export const gatewaySupport: KindSupport = {
  about: `The ports that the gateway opens, and for which hosts. Servers of several Gateways share a port: plaintext HTTP servers
merge, TLS servers are told apart by SNI, and where two cannot share it the older Gateway keeps it (\`server-conflict\`,
\`host-already-served\`). The port opened is \`port.number\`, shifted by \`--port-offset\`; the gateway has no Service to
look up target ports in.`,
  messages: {
    GatewaySpec: {
      servers: supported('what is opened'),
      selector: supported('labels of the gateway', 'absent or empty: every gateway'),
    },
    Server: {
      port: supported('port and protocol'),
      bind: differs('address to listen on', 'an IP address; a unix socket is not opened'),
      hosts: supported('hosts, `namespace/host` to say who may bind', 'compared as written; requests in any case'),
      tls: supported('TLS, or the redirect to it'),
      defaultEndpoint: ignoredSilently('for sidecars', 'means nothing at an ingress in Istio either'),
      name: ignoredSilently('names statistics'),
    },
    Port: {
      number: differs('port to open', 'Istio opens the target port of its Service instead, if there is one'),
      protocol: supported(
        'HTTP, HTTP2, GRPC, GRPC-WEB, HTTPS, TLS, TCP and more',
        'HTTP/1.1 and HTTP/2 on all of the HTTP family; GRPC-WEB translates browsers’ gRPC-Web to gRPC',
      ),
      name: supported('unique in the Gateway'),
      targetPort: notAtAnIngress('nothing', 'refused, as by Istio'),
    },
    ServerTLSSettings: {
      httpsRedirect: supported('301 to https', 'keeps the Host’s port; of one Gateway it holds for the port’s host'),
      mode: differs(
        'who shows which certificate; absent: PASSTHROUGH',
        'ISTIO_MUTUAL has no mesh certificate here, and AUTO_PASSTHROUGH no sidecars: their connections fail, `mode-needs-mesh`',
      ),
      serverCertificate: supported('file on the gateway', 'read anew when it changes'),
      privateKey: supported('file on the gateway'),
      caCertificates: supported('file with the CAs of clients'),
      caCrl: supported('file with revoked client certificates'),
      tlsCertificates: supported('two pairs, RSA and ECDSA', 'the CA is that of the first'),
      credentialName: supported(
        'Secret in the gateway’s own namespace',
        'missing or bad: this server’s handshakes fail, no other’s',
      ),
      credentialNames: supported('two Secrets, RSA and ECDSA'),
      caCertCredentialName: supported('Secret with the CAs of clients', 'its name must end in `-cacert`, as in Istio'),
      subjectAltNames: differs(
        'names that a client certificate must have one of',
        'with SIMPLE Istio loses the whole port, here only this server’s handshakes fail',
      ),
      verifyCertificateSpki: supported('pins of client keys'),
      verifyCertificateHash: supported('hashes of client certificates'),
      minProtocolVersion: supported('default 1.2'),
      maxProtocolVersion: supported('default 1.3'),
      cipherSuites: supported(
        'for TLS 1.2 and older',
        'unknown and doubled ones fall out, reported as `ignored-field`',
      ),
    },
    TLSCertificate: {
      serverCertificate: supported('file on the gateway'),
      privateKey: supported('file on the gateway'),
      caCertificates: supported('file with the CAs of clients', 'of the first pair only'),
    },
  },
};
