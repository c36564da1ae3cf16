import { describe, expect, it } from 'vitest';
import { clusterApiServer, loadSettings, SETTINGS, type SettingsInput } from '../../../src/settings.ts';

const load = (input: Partial<SettingsInput> & { readonly content?: string }) =>
  loadSettings({
    flags: {},
    env: {},
    ...input,
    ...(input.content === undefined ? {} : { file: 'banyan.yaml', readFile: () => input.content as string }),
  });

async function settingsOf(input: Parameters<typeof load>[0]) {
  const outcome = await load(input);
  if (!outcome.ok) throw new Error(outcome.error.join('\n'));
  return outcome.value.settings;
}

async function errorsOf(input: Parameters<typeof load>[0]): Promise<readonly string[]> {
  const outcome = await load(input);
  return outcome.ok ? [] : outcome.error;
}

describe('settings', () => {
  it('has a sound default for everything, and no directory', async () => {
    const settings = await settingsOf({});
    expect(settings).toMatchObject({
      portOffset: 0,
      listenAddress: '0.0.0.0',
      adminAddress: '127.0.0.1',
      adminPort: 9901,
      gatewayLabels: { istio: 'ingressgateway', app: 'istio-ingressgateway' },
      gatewayNamespace: 'istio-system',
      clusterDomain: 'cluster.local',
      accessLog: 'json',
    });
    expect(settings.dir).toBeUndefined();
    expect(Object.isFrozen(settings)).toBe(true);
  });

  it.each([
    ['a flag over all', { flags: { portOffset: '1' }, env: { BANYAN_PORT_OFFSET: '2' }, content: 'portOffset: 3' }, 1],
    ['the environment over the file', { env: { BANYAN_PORT_OFFSET: '2' }, content: 'portOffset: 3' }, 2],
    ['the file over the default', { content: 'portOffset: 3' }, 3],
    ['the default at last', {}, 0],
    ['an empty variable as none', { env: { BANYAN_PORT_OFFSET: '' } }, 0],
    ['an empty key in the file as none', { content: 'portOffset:' }, 0],
    ['an empty file as none', { content: '# nothing yet\n' }, 0],
  ])('takes %s', async (_name, input, expected) => {
    expect((await settingsOf(input)).portOffset).toBe(expected);
  });

  it.each([
    ['as on the command line', 'gatewayLabels: "a=1, b=2"'],
    ['as a mapping', 'gatewayLabels:\n  a: 1\n  b: "2"'],
  ])('reads labels in the file %s', async (_name, content) => {
    expect((await settingsOf({ content })).gatewayLabels).toEqual({ a: '1', b: '2' });
  });

  it.each([
    ['labels', { gatewayLabels: '' }, { gatewayLabels: {} }],
    ['a list', { adminHosts: 'a.internal, b.internal' }, { adminHosts: ['a.internal', 'b.internal'] }],
    [
      'networks and single addresses',
      { proxyProtocolFrom: '10.0.0.0/8, 192.0.2.1,2001:db8::/32' },
      { proxyProtocolFrom: ['10.0.0.0/8', '192.0.2.1', '2001:db8::/32'] },
    ],
    ['localhost as an address', { listenAddress: 'localhost' }, { listenAddress: '127.0.0.1' }],
  ])('understands %s', async (_name, flags, expected) => {
    expect(await settingsOf({ flags })).toMatchObject(expected);
  });

  it.each([
    [
      'a number that is none',
      { flags: { portOffset: '1e3' } },
      ["--port-offset: '1e3' is not a whole number from 0 to 65535"],
    ],
    [
      'a number out of range',
      { env: { BANYAN_ADMIN_PORT: '70000' } },
      ["BANYAN_ADMIN_PORT: '70000' is not a whole number from 0 to 65535"],
    ],
    [
      'a misspelt word',
      { flags: { accessLog: 'jsn' } },
      ["--access-log: 'jsn' is none of json, text, off; did you mean json?"],
    ],
    [
      'a label without a value',
      { flags: { gatewayLabels: 'istio' } },
      ["--gateway-labels: 'istio' is not of the form key=value"],
    ],
    [
      'a host name to listen on',
      { flags: { listenAddress: 'example.com' } },
      ["--listen-address: 'example.com' is not an IP address"],
    ],
    ...['10.0.0.0/33', '::/129', '10.0.0/8', '10.0.0.0/8/8', '10.0.0.0/', 'fe80::1%eth0', 'lb.example.com'].map(
      (network): [string, Partial<SettingsInput>, readonly string[]] => [
        `${network} as a network`,
        { flags: { proxyProtocolFrom: `10.0.0.0/8,${network}` } },
        [`--proxy-protocol-from: '${network}' is no network, such as 10.0.0.0/8`],
      ],
    ),
    [
      'no network at all, which would be nobody or everybody',
      { content: 'proxyProtocolFrom: []' },
      ['banyan.yaml:1: proxyProtocolFrom: names no network'],
    ],
    [
      'an unknown key, with its line',
      { content: 'adminPort: 1\nportOfset: 3' },
      ['banyan.yaml:2: portOfset is not a setting; did you mean portOffset?'],
    ],
    [
      'a wrong value in the file',
      { content: '\nportOffset: many' },
      ["banyan.yaml:2: portOffset: 'many' is not a whole number from 0 to 65535"],
    ],
    [
      'yes where a number is asked for, in the word that was written',
      { content: 'workers: true' },
      ["banyan.yaml:1: workers: 'true' is not a whole number from 1 to 64"],
    ],
    [
      'a bracket that is not closed, with its line once',
      { content: 'portOffset: [8000\n' },
      [expect.stringMatching(/^banyan\.yaml:2: Flow sequence[^:]*$/)],
    ],
    [
      'a file that is a list',
      { content: '- portOffset' },
      ["banyan.yaml: must be a mapping of settings, such as 'portOffset: 8000'"],
    ],
  ])('refuses %s', async (_name, input, expected) => {
    expect(await errorsOf(input)).toEqual(expected);
  });

  it('tells everything that is wrong at once', async () => {
    expect(await errorsOf({ flags: { portOffset: 'x', adminPort: 'y' }, content: 'nope: 1' })).toHaveLength(3);
  });

  it('says that the settings file cannot be read', async () => {
    expect(await errorsOf({ file: '/nowhere/banyan.yaml' })).toEqual([
      'the settings file /nowhere/banyan.yaml cannot be read: it does not exist',
    ]);
    expect(await errorsOf({ env: { BANYAN_SETTINGS: '/nowhere/else.yaml' } })).toEqual([
      expect.stringContaining('/nowhere/else.yaml'),
    ]);
  });

  it('says where a settings file is no YAML', async () => {
    expect(await errorsOf({ content: 'a: 1\nb: [' })).toEqual([expect.stringMatching(/^banyan\.yaml:2: /)]);
  });

  it('warns of a variable that is nearly a setting, and leaves those alone that Kubernetes sets for a Service', async () => {
    const outcome = await load({
      env: {
        BANYAN_PORTOFFSET: '1',
        BANYAN_SERVICE_HOST: '10.0.0.1',
        BANYAN_PORT: 'tcp://10.0.0.1:80',
        BANYAN_PORT_80_TCP_ADDR: '10.0.0.1',
        BANYAN_ADMIN_PORT: 'tcp://10.0.0.2:9901',
        HOME: '/root',
      },
    });
    expect(outcome).toMatchObject({
      ok: true,
      value: {
        warnings: ['BANYAN_PORTOFFSET is not a setting and is ignored; did you mean BANYAN_PORT_OFFSET?'],
        settings: { adminPort: 9901 },
      },
    });
  });

  describe('of the directory of routes', () => {
    const inDirectory = (content: string, input: Partial<SettingsInput> = {}) =>
      load({
        flags: { dir: '/routes' },
        readFile: (file) => {
          if (file !== '/routes/.banyan.yaml') throw new Error(`no ${file}`);
          return content;
        },
        ...input,
      });

    it('are read from its own file, and come last', async () => {
      expect(await inDirectory('gatewayNamespace: platform\nmeshConfig: mesh.yaml')).toMatchObject({
        ok: true,
        value: { settings: { gatewayNamespace: 'platform', meshConfig: '/routes/mesh.yaml', portOffset: 0 } },
      });
      expect(
        await inDirectory('gatewayNamespace: platform', { env: { BANYAN_GATEWAY_NAMESPACE: 'edge' } }),
      ).toMatchObject({
        ok: true,
        value: { settings: { gatewayNamespace: 'edge' } },
      });
    });

    it('are those alone that decide what routes come to', async () => {
      expect(await inDirectory('adminPort: 1')).toEqual({
        ok: false,
        error: ['/routes/.banyan.yaml:1: adminPort is not a setting of routes'],
      });
    });
  });

  it('takes a command’s own defaults before the usual ones, and after everything that is given', async () => {
    const defaults = { portOffset: '8000', adminPort: '1' };
    expect(await settingsOf({ defaults, env: { BANYAN_ADMIN_PORT: '2' } })).toMatchObject({
      portOffset: 8000,
      adminPort: 2,
    });
  });

  it('finds the API server of the cluster it runs in', () => {
    expect(clusterApiServer({ KUBERNETES_SERVICE_HOST: '10.96.0.1', KUBERNETES_SERVICE_PORT: '6443' })).toEqual({
      address: '10.96.0.1',
      port: 6443,
    });
    expect(clusterApiServer({})).toBeUndefined();
  });

  it('has one name of each kind for every setting', () => {
    for (const names of [SETTINGS.map((s) => s.key), SETTINGS.map((s) => s.flag), SETTINGS.map((s) => s.env)])
      expect(new Set(names).size).toBe(SETTINGS.length);
  });
});
