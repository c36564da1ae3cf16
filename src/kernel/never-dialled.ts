/**
 * Networks that no gateway dials, whatever its settings (edge-security M-06, J-19): link-local addresses, which hold the
 * clouds' metadata services, unspecified ones, groups, and the metadata services that are elsewhere.
 */
export const NEVER_DIALLED: readonly string[] = [
  '169.254.0.0/16',
  '0.0.0.0/8',
  '224.0.0.0/4',
  '255.255.255.255/32',
  '100.100.100.200/32',
  '168.63.129.16/32',
  '::/128',
  'fe80::/10',
  'ff00::/8',
  'fd00:ec2::254/128',
  'fd20:ce::254/128',
];
