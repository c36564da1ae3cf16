/** TLS 1.2 and older, by their OpenSSL names (istio-semantics §1.1). */
export const CIPHER_SUITES: ReadonlySet<string> = new Set([
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
  'ECDHE-ECDSA-AES128-SHA',
  'ECDHE-RSA-AES128-SHA',
  'ECDHE-ECDSA-AES256-SHA',
  'ECDHE-RSA-AES256-SHA',
  'AES128-GCM-SHA256',
  'AES256-GCM-SHA384',
  'AES128-SHA',
  'AES256-SHA',
  'DES-CBC3-SHA',
]);

/** Unknown and doubled entries fall out silently; operators such as `-X` are OpenSSL's to understand (istio-semantics §1.1). */
export const usableCipherSuites = (written: readonly string[]): readonly string[] => [
  ...new Set(written.filter((suite) => suite === 'ALL' || CIPHER_SUITES.has(suite) || /^[^\p{L}\p{N}]/u.test(suite))),
];

/** For the key exchange, by their names in MeshConfig. */
export const ECDH_CURVES: ReadonlySet<string> = new Set(['P-256', 'P-384', 'P-521', 'X25519', 'X25519MLKEM768']);
