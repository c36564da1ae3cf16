import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { expect, it } from 'vitest';

it('loads nothing of what Kubernetes’ client has generated, and has its configuration all the same', () => {
  const module = path.resolve('src/sources/kubernetes/client-node.ts');
  const script = `
    import { registerHooks } from 'node:module';
    const loaded = [];
    registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) });
    const { loadKubeConfig } = await import(${JSON.stringify(module)});
    const config = await loadKubeConfig();
    config.loadFromClusterAndUser({ name: 'c', server: 'https://c.test', skipTLSVerify: false }, { name: 'u', token: 't' });
    const options = {};
    await config.applyToHTTPSOptions(options);
    console.log(JSON.stringify({
      own: loaded.some((url) => url.includes('client-node/dist/config.js')),
      generated: loaded.filter((url) => url.includes('client-node/dist/gen/')),
      authorization: options.headers.Authorization,
    }));`;
  const out = execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  expect(JSON.parse(out)).toEqual({ own: true, generated: [], authorization: 'Bearer t' });
});
