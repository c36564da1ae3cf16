import { networkInterfaces } from 'node:os';
import { describe, expect, it } from 'vitest';
import { createDialGuard } from '../../../../src/dataplane/upstreams/dial-guard.ts';

const admin = { address: '127.0.0.1', port: 9901 };
const guard = createDialGuard({
  allowLoopback: false,
  admin,
  refused: [{ address: '10.96.0.1' }, { address: '10.0.0.9', port: 6443 }],
});
const local = createDialGuard({ allowLoopback: true, admin });

describe('never dialled', () => {
  it.each([
    '169.254.169.254',
    '169.254.0.1',
    'fd00:ec2::254',
    'FD00:EC2:0:0:0:0:0:254',
    '::ffff:169.254.169.254',
    '::ffff:a9fe:a9fe',
    '::169.254.169.254',
    '64:ff9b::169.254.169.254',
    '2002:a9fe:a9fe::1',
    'fe80::1',
    'fe80::1%eth0',
    '100.100.100.200',
    '0.0.0.0',
    '0.1.2.3',
    '::',
    '0:0:0:0:0:0:0:0',
    '255.255.255.255',
    '224.0.0.1',
    'ff02::1',
    'localhost',
    'orders.example.com',
    '127.1',
    '0x7f000001',
    '',
  ])('%s', (address) => {
    expect([guard(address, 80), local(address, 80)]).toEqual([false, false]);
  });
});

describe('this machine', () => {
  it.each(['127.0.0.1', '127.10.16.21', '::1', '[::1]', '0:0:0:0:0:0:0:1', '::ffff:127.0.0.1', 'unix:///run/x.sock'])(
    '%s only where that is allowed',
    (address) => {
      expect([guard(address, 80), local(address, 80)]).toEqual([false, true]);
    },
  );

  it.each(['127.0.0.1', '127.0.0.2', '::1', '::ffff:127.0.0.1'])('%s never at the admin port', (address) => {
    expect(local(address, 9901)).toBe(false);
  });

  it('none of its addresses at the admin port, where that listens on all', () => {
    const everywhere = createDialGuard({ allowLoopback: true, admin: { address: '0.0.0.0', port: 9901 } });
    const own = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);
    for (const { address } of own) expect(everywhere(address, 9901)).toBe(false);
    expect(everywhere('203.0.113.7', 9901)).toBe(true);
  });
});

describe('what is named', () => {
  it.each([
    ['10.96.0.1', 443, false],
    ['10.96.0.1', 80, false],
    ['::ffff:10.96.0.1', 80, false],
    ['10.0.0.9', 6443, false],
    ['10.0.0.9', 80, true],
    ['10.96.0.2', 443, true],
  ])('%s:%i → %s', (address, port, allowed) => {
    expect(guard(address, port)).toBe(allowed);
  });
});

it('lets everything else be dialled', () => {
  for (const address of ['10.0.0.1', '192.168.1.1', '8.8.8.8', '2001:db8::1', 'fd00::1', '::ffff:8.8.8.8']) {
    expect(guard(address, 9901)).toBe(true);
  }
});
