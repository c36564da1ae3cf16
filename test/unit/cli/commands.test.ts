import { execFileSync } from 'node:child_process';
import { symlinkSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { routesDirectory, run, SHOP } from './run.ts';

let remove = (): void => {};
afterEach(() => remove());

function directory(files: Readonly<Record<string, string>>): string {
  const made = routesDirectory(files);
  ({ remove } = made);
  return made.dir;
}

const misspelt = SHOP['shop/cart.yaml']?.replace('timeout: 2s', 'timout: 2s') as string;

describe('banyan check', () => {
  it('is content with a sound directory', async () => {
    const ran = await run(['check', directory(SHOP)]);
    expect(ran).toMatchObject({ code: 0, out: '' });
    expect(ran.err).toMatch(/^✔ 3 resources in .*, nothing to find fault with\n$/);
  });

  it('shows the place of a mistake with a caret, and says what to do', async () => {
    const dir = directory({ ...SHOP, 'shop/cart.yaml': misspelt });
    const ran = await run(['check', dir]);
    expect(ran.code).toBe(1);
    expect(ran.out).toContain(`${dir}/shop/cart.yaml:14:7: error[unknown-field]`);
    expect(ran.out).toContain('14 |       timout: 2s\n     |       ^^^^^^');
    expect(ran.out).toContain('Did you mean timeout?');
    expect(ran.err).toMatch(/^✖ 1 error; 2 resources in service/);
  });

  it.each([
    ['a pipe, which has no end', (file: string) => execFileSync('mkfifo', [file]), 'file-unreadable'],
    ['what a link leads to elsewhere', (file: string) => symlinkSync('/etc/hostname', file), 'link-not-followed'],
    ['a link to nothing', (file: string) => symlinkSync('nothing.yaml', file), 'link-not-followed'],
    ['JSON', (file: string) => writeFileSync(file.replace(/yaml$/, 'json'), '{}'), 'hint[file-passed-over]'],
    [
      'YAML by another name',
      (file: string) => writeFileSync(file.replace(/yaml$/, 'YAML'), 'a: 1'),
      'file-passed-over',
    ],
  ])('tells of %s, and does not look into it', async (_name, put, code) => {
    const dir = directory(SHOP);
    put(`${dir}/shop/odd.yaml`);
    const ran = await run(['check', dir]);
    expect(ran.out).toContain(code);
    expect(ran.out).toContain('shop/odd.');
    expect(ran.out).not.toContain('  1 | ');
  });

  it('knows the day: an exemption that is past is told, with the policy that it was for', async () => {
    const ours = (kind: string, name: string, spec: string): string =>
      `apiVersion: banyan.dev/v1alpha1\nkind: ${kind}\nmetadata: { name: ${name} }\nspec: ${spec}\n`;
    const spec = '{ approver: ada, reason: big, expires: 2020-01-01T00:00:00Z, sections: [limits], namespace: shop }';
    const dir = directory({
      ...SHOP,
      'istio-system/past.yaml': ours('PolicyExemption', 'past', spec),
      'shop/own.yaml': ours('EdgePolicy', 'own', '{ limits: { bodyBytes: 500 } }'),
    });
    const ran = await run(['check', dir]);
    expect(ran.code).toBe(0);
    expect(ran.out).toContain('istio-system/past.yaml:4:46: warning[exemption-expired]');
    expect(ran.out).toContain('approved by ada, holds again since 2020-01-01T00:00:00Z');
    expect(ran.out).toContain('shop/own.yaml:4');
  });

  it('writes JSON as the replay of recorded cases reads it', async () => {
    const ran = await run(['check', directory({ ...SHOP, 'shop/cart.yaml': misspelt }), '--output', 'json']);
    expect(ran.code).toBe(1);
    expect(JSON.parse(ran.out)).toEqual({
      diagnostics: [
        expect.objectContaining({
          severity: 'error',
          code: 'unknown-field',
          file: 'shop/cart.yaml',
          line: 14,
          column: 7,
          field: 'spec.http[1].timout',
          refused: true,
        }),
      ],
    });
  });

  it('writes annotations for GitHub', async () => {
    const ran = await run(['check', directory({ ...SHOP, 'shop/cart.yaml': misspelt }), '-o', 'github']);
    expect(ran.out).toMatch(/^::error file=.*shop\/cart\.yaml,line=14,col=7,title=unknown-field::/);
  });

  it('finds what shows only when all is seen together', async () => {
    const dir = directory({
      'infra/gateway.yaml': SHOP['infra/gateway.yaml'] as string,
      'shop/cart.yaml': SHOP['shop/cart.yaml'] as string,
    });
    const ran = await run(['check', dir, '--output', 'json']);
    expect(JSON.parse(ran.out).diagnostics).toMatchObject([{ code: 'dangling-destination', refused: false }]);
  });

  it.each([
    ['passes warnings', [], 0],
    ['as long as they are few enough', ['--max-warnings', '1'], 0],
    ['and no further', ['--max-warnings', '0'], 1],
  ])('%s %j', async (_name, options, code) => {
    const ran = await run(['check', directory({}), ...options]);
    expect(ran.out).toContain('warning[nothing-to-serve]');
    expect(ran.code).toBe(code);
  });

  it('takes no two directories', async () => {
    const dir = directory(SHOP);
    expect(await run(['check', dir, '--dir', '/elsewhere'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('two directories'),
    });
    expect(await run(['check', dir, '--dir', dir])).toMatchObject({ code: 0 });
  });

  it('is silent with --quiet when there are no errors', async () => {
    expect(await run(['check', directory({}), '--quiet'])).toMatchObject({ code: 0, out: '', err: '' });
  });

  it.each([
    [
      'a directory that is missing',
      ['check', '/no/where'],
      /the directory \/no\/where cannot be read: it does not exist\n.*name the directory/,
    ],
    ['no directory at all', ['check'], /--dir is missing.*\n.*BANYAN_DIR/],
    ['a wrong number', ['check', '.', '--max-warnings', 'x'], /'x' is not a whole number/],
    [
      'a mesh configuration that is missing',
      ['check', '/tmp', '--mesh-config', '/no/mesh.yaml'],
      /\/no\/mesh\.yaml cannot be read/,
    ],
    [
      'an unknown flag, guessing which was meant',
      ['check', '.', '--ouput', 'json'],
      /unknown option '--ouput'\n?.*Did you mean --output\?\)\n.*'banyan check --help' says what it takes/,
    ],
    [
      'more than one directory',
      ['check', 'a', 'b'],
      /too many arguments for 'check'.*\n\(it takes one directory at a time\)\n.*'banyan check --help'/,
    ],
    ['a directory without --dir', ['routes', 'a'], /too many arguments.*\n\(the directory is named by --dir\)/],
    [
      'a request in two words',
      ['explain', 'GET', 'http://a/', '--dir', '.'],
      /too many arguments.*\n\(the request is one word, in quotes/,
    ],
    [
      'a value for a flag that stands alone',
      ['check', '--kubernetes=yes'],
      /unknown option '--kubernetes=yes'\n\(--kubernetes stands alone\)/,
    ],
    [
      'a folder to include that is not there',
      ['check', '.', '--include', 'no/where'],
      /--include: there is no folder 'no\/where' in \.\n.*below the directory/,
    ],
    [
      'a kubeconfig that is missing',
      ['check', '--kubernetes', '--kubeconfig', '/no/where'],
      /the kubeconfig \/no\/where cannot be read: it does not exist/,
    ],
    [
      'a mesh configuration that is a directory',
      ['check', '.', '--mesh-config', '/tmp'],
      /the mesh configuration \/tmp cannot be read: it is a directory/,
    ],
    [
      'help on what is no command',
      ['help', 'chekc'],
      /there is no command 'chekc'; did you mean check\?\n.*'banyan --help' lists the commands/,
    ],
    ['an unknown command, likewise', ['chekc'], /unknown command 'chekc'\n?.*Did you mean check\?/],
    ['a format that is none', ['check', '.', '--output', 'xml'], /'xml' is invalid.*text, json, github/],
    [
      'a setting that makes no sense',
      ['serve', '--dir', '.', '--port-offset', 'x'],
      /--port-offset: 'x' is not a whole number.*\n.*'banyan serve --help' lists the settings/,
    ],
  ])('exits with 2 for %s', async (_name, argv, message) => {
    const ran = await run(argv);
    expect(ran.err).toMatch(message);
    expect(ran).toMatchObject({ code: 2, out: '' });
  });

  it('reports a mesh configuration that is wrong', async () => {
    const dir = directory({ ...SHOP, 'mesh.yaml.txt': 'connectTimeout: soon\n' });
    const ran = await run(['check', dir, '--mesh-config', `${dir}/mesh.yaml.txt`, '--output', 'json']);
    expect(ran.code).toBe(1);
    expect(JSON.parse(ran.out).diagnostics).toMatchObject([{ severity: 'error', line: 1, field: 'connectTimeout' }]);
  });
});

describe('banyan routes', () => {
  it('lists the routes in the order they are tried', async () => {
    const ran = await run(['routes', '--dir', directory(SHOP)]);
    expect(ran.out.split('\n').map((line) => line.replace(/ {2,}/g, ' | '))).toEqual([
      'PORT | HOST | MATCH | OWNER | DESTINATION',
      '80 | shop.example.com | *, header x-preview=pr-7 | shop/cart | 418 (direct response)',
      '80 | shop.example.com | /cart/* | shop/cart | cart.internal:8080',
      '80 | shop.example.com | /basket | shop/cart | 301 → /cart/',
      '',
    ]);
    expect(ran.code).toBe(0);
  });

  it.each([
    [['--host', 'SHOP.example.com'], 3],
    [['--host', 'other.example.com'], 0],
    [['--namespace', 'shop'], 3],
    [['--namespace', 'infra'], 0],
    [['--owner', 'cart'], 3],
    [['--owner', 'shop/cart'], 3],
    [['--owner', 'VirtualService/shop/cart'], 3],
    [['--owner', 'other/cart'], 0],
  ])('keeps with %j %i of them', async (filter, count) => {
    const ran = await run(['routes', '--dir', directory(SHOP), '--output', 'json', ...filter]);
    expect(JSON.parse(ran.out).routes).toHaveLength(count);
  });

  it('fits into the terminal, and is whole when it is asked for', async () => {
    const dir = directory(SHOP);
    const narrow = await run(['routes', '--dir', dir], { width: 60 });
    expect(Math.max(...narrow.out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(60);
    const wide = await run(['routes', '--dir', dir, '-o', 'wide'], { width: 60 });
    expect(wide.out).toContain('shop/cart.yaml:8');
    expect(wide.out).not.toContain('…');
  });

  it('mentions that not all is sound', async () => {
    const ran = await run(['routes', '--dir', directory({ ...SHOP, 'shop/cart.yaml': misspelt })]);
    expect(ran.err).toMatch(/^there is an error in these files; see `banyan check .*`\nthere are no routes in/);
  });
});

describe('banyan explain', () => {
  it('names the winner, why the others lost, and where the request goes', async () => {
    const ran = await run(['explain', 'GET http://shop.example.com/cart/7?x=1', '--dir', directory(SHOP)]);
    expect(ran.code).toBe(0);
    expect(ran.out).toContain('wants header x-preview=pr-7; there is none');
    expect(ran.out).toContain('path is not /basket');
    expect(ran.out).toMatch(/✔ \/cart\/\*\s+shop\/cart\s+shop\/cart\.yaml:11/);
    expect(ran.out).toContain('forwarded as shop.example.com/7?x=1');
    expect(ran.out).toContain('path: /cart/7 → /7');
    expect(ran.out).toContain('2000 ms');
    expect(ran.out).toMatch(/upstream\s+100 %\s+cart\.internal:8080/);
    expect(ran.out).toContain('127.10.0.2:8080');
  });

  it.each([
    ['a header into account', ['-H', 'x-preview: pr-7'], { kind: 'direct-response', status: 418, body: 'preview' }],
    ['none without', [], { kind: 'not-found', status: 404 }],
  ])('takes %s', async (_name, headers, answer) => {
    const ran = await run(['explain', 'http://shop.example.com/', '--dir', directory(SHOP), '-o', 'json', ...headers]);
    expect(JSON.parse(ran.out).answer).toMatchObject(answer);
    expect(ran.code).toBe(answer.status === 404 ? 1 : 0);
  });

  it.each([['not a request at all'], ['GET'], ['GET ftp://x/'], ['GET http://shop.example.com:99999999/']])(
    'refuses %j',
    async (request) => {
      expect(await run(['explain', request, '--dir', directory(SHOP)])).toMatchObject({
        code: 2,
        err: expect.stringContaining("write one as 'GET https://"),
      });
    },
  );
});

describe('banyan serve', () => {
  it('is given its settings by flag', async () => {
    const ran = await run([
      'serve',
      '--dir',
      'routes',
      '--port-offset',
      '8000',
      '--gateway-labels',
      'a=b',
      '--listen-address',
      '127.0.0.1',
      '--admin-port',
      '9999',
    ]);
    expect(ran.served).toMatchObject({
      dir: 'routes',
      portOffset: 8000,
      gatewayLabels: { a: 'b' },
      listenAddress: '127.0.0.1',
      adminPort: 9999,
    });
  });

  it('serves the examples on loopback as demo', async () => {
    expect((await run(['demo'])).served).toMatchObject({
      dir: '/examples',
      portOffset: 8000,
      listenAddress: '127.0.0.1',
      adminPort: 9901,
    });
  });
});

describe('help', () => {
  it.each([['serve'], ['demo'], ['check'], ['explain'], ['routes'], ['completion']])(
    'of %s is not empty and exits with 0',
    async (name) => {
      const ran = await run([name, '--help']);
      expect(ran).toMatchObject({ code: 0, err: '' });
      expect(ran.out).toMatch(/^Usage: banyan \w+/);
    },
  );

  it('of serve shows defaults, environment names, examples and exit codes', async () => {
    const { out } = await run(['serve', '--help'], { width: 300 });
    expect(out).toContain('--admin-port <PORT>');
    expect(out).toContain('(default: 9901, env: BANYAN_ADMIN_PORT)');
    expect(out).toContain('Examples:\n  banyan serve --dir routes');
    expect(out).toContain('Exit codes:\n  0 ');
  });

  it('is also what help says of a command', async () => {
    const [asked, flagged] = [await run(['help', 'check']), await run(['check', '--help'])];
    expect(asked).toEqual(flagged);
    expect(await run(['help'])).toEqual(await run(['--help']));
  });

  it('lists the commands, and a bare call does so as an error', async () => {
    expect(await run(['--help'])).toMatchObject({
      code: 0,
      out: expect.stringContaining('explain [options] <request>'),
    });
    expect(await run([])).toMatchObject({ code: 2 });
  });

  it('tells the version', async () => {
    expect(await run(['--version'])).toMatchObject({ code: 0, out: '1.2.3\n' });
    expect((await run(['version'])).out).toMatch(/^banyan 1\.2\.3 \(Node /);
  });
});
