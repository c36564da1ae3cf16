import { describe, expect, it } from 'vitest';
import { createDialGuard, type DialGuardOptions, isLoopbackAddress } from '../../../src/control/dial-guard.ts';

const guard = (options: Partial<DialGuardOptions> = {}) =>
  createDialGuard({
    allowLoopback: false,
    admin: { address: '127.0.0.1', port: 9901 },
    apiServer: { address: '10.96.0.1', port: 443 },
    ownAddresses: ['10.1.2.3', 'fd00::3'],
    ...options,
  });

describe('the guard of what the gateway connects to', () => {
  it.each([
    ['a service', '10.0.0.7', 8080],
    ['a service by IPv6', 'fd00::7', 8080],
    ['a host on the internet', '93.184.216.34', 443],
    ['the API server’s address, at another port', '10.96.0.1', 80],
    ['another machine’s port 9901', '10.0.0.7', 9901],
  ])('lets through %s', (_name, address, port) => {
    expect(guard()(address, port)).toBe(true);
    expect(guard({ allowLoopback: true })(address, port)).toBe(true);
  });

  it.each([
    ['the metadata service', '169.254.169.254', 80],
    ['it in IPv6 clothes', '::ffff:169.254.169.254', 80],
    ['it in hexadecimal ones', '::ffff:a9fe:a9fe', 80],
    ['that of Amazon by IPv6', 'fd00:ec2::254', 80],
    ['it written out', 'fd00:0ec2:0000::0254', 80],
    ['that of Azure', '168.63.129.16', 80],
    ['that of Alibaba', '100.100.100.200', 80],
    ['link-local', 'fe80::1', 80],
    ['link-local with a zone', 'fe80::1%eth0', 80],
    ['this host as 0.0.0.0', '0.0.0.0', 80],
    ['this host as ::', '::', 80],
    ['multicast', '224.0.0.1', 80],
    ['the API server', '10.96.0.1', 443],
    ['the admin listener', '127.0.0.1', 9901],
    ['it in IPv6 clothes', '::ffff:127.0.0.1', 9901],
    ['a name, which should have been resolved', 'localhost', 80],
    ['nothing', '', 80],
  ])('never lets through %s', (_name, address, port) => {
    expect(guard()(address, port)).toBe(false);
    expect(guard({ allowLoopback: true })(address, port)).toBe(false);
  });

  it.each([
    ['127.0.0.1', 80],
    ['127.10.0.1', 9901],
    ['::1', 80],
    ['0:0:0:0:0:0:0:1', 80],
    ['::ffff:7f00:1', 80],
    ['unix:///run/app.sock', 0],
  ])('lets through %s only where loopback is allowed', (address, port) => {
    expect(guard()(address, port)).toBe(false);
    expect(guard({ allowLoopback: true })(address, port)).toBe(true);
  });

  it('knows the admin listener by every address of the machine when it listens on all', () => {
    const open = guard({ allowLoopback: true, admin: { address: '0.0.0.0', port: 9901 } });
    expect(['10.1.2.3', 'fd00::3', '127.0.0.1', '127.9.9.9', '::1'].map((address) => open(address, 9901))).toEqual([
      false,
      false,
      false,
      false,
      false,
    ]);
    expect(open('10.1.2.3', 80)).toBe(true);
    expect(open('10.9.9.9', 9901)).toBe(true);
  });

  it('tells loopback addresses from others', () => {
    expect(['127.0.0.1', '127.1.2.3', '::1', '::ffff:127.0.0.1'].map(isLoopbackAddress)).toEqual([
      true,
      true,
      true,
      true,
    ]);
    expect(['0.0.0.0', '::', '10.0.0.1', 'localhost', ''].map(isLoopbackAddress)).toEqual([
      false,
      false,
      false,
      false,
      false,
    ]);
  });
});
