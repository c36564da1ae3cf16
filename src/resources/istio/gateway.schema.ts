import { flag, listOf, message, oneWordOf, ref, resourceSchema, stringMap, text, texts, uint32 } from '../schema.ts';

const TLS_VERSIONS = oneWordOf('TLS_AUTO', 'TLSV1_0', 'TLSV1_1', 'TLSV1_2', 'TLSV1_3');

/** istio.networking.v1alpha3.Gateway (istio-semantics §1.1). */
export const gatewaySchema = resourceSchema(
  'Gateway',
  message({ servers: { ...listOf('Server'), minItems: 1 }, selector: stringMap }, ['servers']),
  {
    Server: message(
      { port: ref('Port'), bind: text, hosts: texts, tls: ref('ServerTLSSettings'), defaultEndpoint: text, name: text },
      ['port', 'hosts'],
    ),
    Port: message({ number: uint32, protocol: text, name: text, targetPort: uint32 }),
    ServerTLSSettings: message({
      httpsRedirect: flag,
      mode: oneWordOf('PASSTHROUGH', 'SIMPLE', 'MUTUAL', 'AUTO_PASSTHROUGH', 'ISTIO_MUTUAL', 'OPTIONAL_MUTUAL'),
      serverCertificate: text,
      privateKey: text,
      caCertificates: text,
      caCrl: text,
      tlsCertificates: listOf('TLSCertificate'),
      credentialName: text,
      credentialNames: texts,
      caCertCredentialName: text,
      subjectAltNames: texts,
      verifyCertificateSpki: texts,
      verifyCertificateHash: texts,
      minProtocolVersion: TLS_VERSIONS,
      maxProtocolVersion: TLS_VERSIONS,
      cipherSuites: texts,
    }),
    TLSCertificate: message({ serverCertificate: text, privateKey: text, caCertificates: text }),
  },
);
