import { describe, expect, it, test } from 'vitest';
import { createDialGuard } from '../../../src/dataplane/upstreams/dial-guard.ts';
import { isNeverDialled } from '../../../src/resources/never-dialled.ts';
import { decodeText, refusals, withSpec } from './support.ts';

const NEVER = [
  '169.254.169.254',
  '169.254.0.1',
  '0.0.0.0',
  '0.1.2.3',
  '224.0.0.1',
  '239.255.255.255',
  '255.255.255.255',
  '100.100.100.200',
  '168.63.129.16',
  'fd00:ec2::254',
  'FD00:EC2:0:0:0:0:0:254',
  'fd20:ce::254',
  'fe80::1',
  'fe80::1%eth0',
  'febf::1',
  'ff02::1',
  '::',
  '0:0:0:0:0:0:0:0',
  '::ffff:169.254.169.254',
  '::ffff:a9fe:a9fe',
  '::169.254.169.254',
  '64:ff9b::169.254.169.254',
  '2002:a9fe:a9fe::1',
];
const SOMETIMES = [
  '10.0.0.1',
  '127.0.0.1',
  '::1',
  '169.253.255.255',
  '169.255.0.1',
  '1.0.0.0',
  '223.255.255.255',
  '100.100.100.201',
  '2001:db8::1',
  'fd00:ec2::255',
  'fec0::1',
  '::ffff:10.0.0.1',
  '64:ff9b::8.8.8.8',
  '2002:808:808::1',
];

it.each(NEVER)('%s is never dialled, as the guard of the data plane has it', (address) => {
  expect(isNeverDialled(address)).toBe(true);
  expect(createDialGuard({ allowLoopback: true })(address, 80)).toBe(false);
});

it.each(SOMETIMES)('%s may be dialled somewhere, as the guard has it', (address) => {
  expect(isNeverDialled(address)).toBe(false);
  expect(createDialGuard({ allowLoopback: true })(address, 80)).toBe(true);
});

it.each(['', 'localhost', 'metadata.google.internal', '169.254.169.254.nip.io', '169.254.169.254/32', '2852039166'])(
  '%s is no address',
  (name) => expect(isNeverDialled(name)).toBe(false),
);

describe('whoever writes one down is refused (edge-security M-06, J-19)', () => {
  const entry = (address: string): string =>
    `{hosts: [a.test], resolution: STATIC, ports: [{number: 80, name: http, protocol: HTTP}], endpoints: [{address: "${address}"}]}`;
  const rule = (jwksUri: string): string => `{jwtRules: [{issuer: a, jwksUri: "${jwksUri}"}]}`;

  test.each([
    ['ServiceEntry', entry('169.254.169.254'), ['invalid-value spec.endpoints[0].address']],
    ['ServiceEntry', entry('fd00:ec2::254'), ['invalid-value spec.endpoints[0].address']],
    ['ServiceEntry', entry('10.0.0.1'), []],
    ['ServiceEntry', entry('127.0.0.1'), []],
    ['WorkloadEntry', '{address: 169.254.1.1}', ['invalid-value spec.address']],
    ['WorkloadEntry', '{address: 10.0.0.1}', []],
    ['RequestAuthentication', rule('http://169.254.169.254/latest'), ['invalid-value spec.jwtRules[0].jwksUri']],
    [
      'RequestAuthentication',
      rule('http://user@169.254.169.254:80/latest'),
      ['invalid-value spec.jwtRules[0].jwksUri'],
    ],
    ['RequestAuthentication', rule('https://[fe80::1]/keys'), ['invalid-value spec.jwtRules[0].jwksUri']],
    [
      'RequestAuthentication',
      rule('https://[::ffff:169.254.169.254]:8443/keys'),
      ['invalid-value spec.jwtRules[0].jwksUri'],
    ],
    ['RequestAuthentication', rule('file:///etc/passwd'), ['invalid-value spec.jwtRules[0].jwksUri']],
    ['RequestAuthentication', rule('https://login.example.com/keys'), []],
    ['RequestAuthentication', rule('http://127.0.0.1:8080/keys'), []],
  ] as const)('%s %s', (kind, spec, expected) => {
    expect(refusals(decodeText(withSpec(kind, spec)))).toEqual(expected);
  });
});
