import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { vi } from 'vitest';
import { freePort } from '../support/gateway.ts';
import { exchange } from './support.ts';

/** A real web server with secrets at `/admin` and `/private`, which says in every answer from there that it was reached. */
export interface WebServer {
  readonly port: number;
  close(): Promise<void>;
}

export const CANARY = 'x-canary: hit';

const found = (...programs: readonly string[]): string | undefined => programs.find((program) => existsSync(program));
export const NGINX = found('/usr/sbin/nginx', '/usr/bin/nginx');
export const APACHE = found('/usr/sbin/apache2', '/usr/sbin/httpd');

export const startNginx = (): Promise<WebServer> =>
  start(NGINX as string, (dir, port) => [nginxConfig(dir, port), ['-p', dir, '-c', path.join(dir, 'conf')]]);

export const startApache = (): Promise<WebServer> =>
  start(APACHE as string, (dir, port) => [
    apacheConfig(dir, port),
    ['-d', dir, '-f', path.join(dir, 'conf'), '-DFOREGROUND'],
  ]);

async function start(
  program: string,
  configure: (dir: string, port: number) => readonly [conf: string, args: readonly string[]],
): Promise<WebServer> {
  const dir = mkdtempSync(path.join(tmpdir(), 'banyan-web-'));
  const port = await freePort();
  for (const name of ['admin', 'private', 'x', 'api']) {
    mkdirSync(path.join(dir, 'html', name), { recursive: true });
    writeFileSync(path.join(dir, 'html', name, 'index.html'), name);
  }
  writeFileSync(path.join(dir, 'html', 'index.html'), 'public');
  const [conf, args] = configure(dir, port);
  writeFileSync(path.join(dir, 'conf'), conf);
  const child: ChildProcess = spawn(program, args, { stdio: 'ignore' });
  await vi.waitFor(async () => {
    const { body } = await exchange(port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    if (!body.includes('public')) throw new Error(`${program} does not serve`);
  }, 8_000);
  return {
    port,
    async close() {
      if (child.exitCode === null) {
        child.kill('SIGTERM');
        await once(child, 'exit');
      }
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

const nginxConfig = (dir: string, port: number): string => `daemon off;
master_process off;
error_log ${dir}/error.log;
pid ${dir}/pid;
events {}
http {
  access_log off;
  client_body_temp_path ${dir}/body;
  proxy_temp_path ${dir}/proxy;
  fastcgi_temp_path ${dir}/fastcgi;
  uwsgi_temp_path ${dir}/uwsgi;
  scgi_temp_path ${dir}/scgi;
  server {
    listen 127.0.0.1:${port};
    root ${dir}/html;
    location = /admin { add_header x-canary hit always; return 200 "secret"; }
    location = /private { add_header x-canary hit always; return 200 "secret"; }
    location /admin/ { add_header x-canary hit always; return 200 "secret"; }
    location /private/ { add_header x-canary hit always; return 200 "secret"; }
    location / { index index.html; }
  }
}
`;

/** As lenient as it can be told to be: encoded slashes are slashes. */
const apacheConfig = (dir: string, port: number): string => `
ServerRoot ${dir}
ServerName localhost
Listen 127.0.0.1:${port}
PidFile ${dir}/pid
Mutex file:${dir} default
DefaultRuntimeDir ${dir}
ErrorLog ${dir}/error.log
${['mpm_event', 'authz_core', 'dir', 'headers'].map((name) => `LoadModule ${name}_module ${modules()}/mod_${name}.so`).join('\n')}
StartServers 1
ServerLimit 1
ThreadsPerChild 25
MaxRequestWorkers 25
AllowEncodedSlashes On
DocumentRoot ${dir}/html
<LocationMatch "^/+(admin|private)(/|$)">
  Header always set x-canary hit
</LocationMatch>
<Directory ${dir}/html/admin>
  Header always set x-canary hit
</Directory>
<Directory ${dir}/html/private>
  Header always set x-canary hit
</Directory>
`;

const modules = (): string => found('/usr/lib/apache2/modules', '/usr/lib64/httpd/modules') ?? 'modules';
