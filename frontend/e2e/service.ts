/** A service of its own for each file of tests: the real program, an empty data folder, an address of its own. */

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { preview } from 'vite';

const PROGRAM = resolve(process.env['SCENE3D_BIN'] ?? '../target/release/scene3d');

export const USER = { name: 'ann', password: 'correct horse battery staple' };
export const ADMIN = { name: 'root', password: 'a password for the operator' };

export interface Service {
  /** Where the page is. */
  url: string;
  /** Photos of the sample scene. */
  photos: string;
  stop(): Promise<void>;
}

/** Why there can be no service here. */
export function missingProgram(): string | undefined {
  return existsSync(PROGRAM) ? undefined : `there is no ${PROGRAM}: build it, or name it by SCENE3D_BIN`;
}

export async function startService(): Promise<Service> {
  const folder = mkdtempSync(join(tmpdir(), 'scene3d-e2e-'));
  const data = join(folder, 'data');
  writeFileSync(
    join(folder, 'serve.toml'),
    `server.bind = "127.0.0.1:0"\njobs.config_dirs = [${JSON.stringify(resolve('../configs'))}]\n`,
  );
  execFileSync(PROGRAM, ['sample', join(folder, 'sample')], { stdio: 'ignore' });
  addUser(data, USER, 'jobs:read,jobs:write');
  addUser(data, ADMIN, 'jobs:read,jobs:write,admin');
  const server = spawn(PROGRAM, ['serve', '--config', 'serve.toml', '--data-dir', data], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const api = await listening(server);
  const page = await pageOf(api);
  return {
    url: page.url,
    photos: join(folder, 'sample', 'images'),
    stop: async () => {
      await page.stop();
      await ended(server);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function addUser(data: string, { name, password }: typeof USER, scopes: string) {
  execFileSync(PROGRAM, ['user', 'add', name, '--scopes', scopes, '--data-dir', data], {
    input: `${password}\n`,
    stdio: ['pipe', 'ignore', 'inherit'],
  });
}

function listening(server: ChildProcess): Promise<string> {
  return new Promise((found, failed) => {
    if (!server.stdout) return failed(new Error('the server has no output'));
    createInterface({ input: server.stdout }).on('line', (line) => {
      const address = /^listening on (\S+)/.exec(line)?.[1];
      if (address) found(address);
    });
    server.once('exit', (code) => failed(new Error(`the server ended with ${code} before it listened`)));
  });
}

/** The program's own page; that of `dist` where it was built without one, or SCENE3D_PAGE=dist asks for it. */
async function pageOf(api: string): Promise<{ url: string; stop: () => Promise<void> }> {
  const answer = await fetch(api, { headers: { accept: 'text/html' } });
  if (answer.ok && process.env['SCENE3D_PAGE'] !== 'dist') return { url: api, stop: async () => undefined };
  if (!existsSync('dist/index.html')) throw new Error('there is no page: build it by `npm run build`');
  const proxy = Object.fromEntries(['/api', '/healthz', '/readyz', '/metrics'].map((path) => [path, api]));
  const server = await preview({ preview: { port: 0, host: '127.0.0.1', proxy } });
  return { url: server.resolvedUrls?.local[0]?.replace(/\/$/, '') ?? '', stop: () => server.close() };
}

function ended(server: ChildProcess): Promise<void> {
  return new Promise((done) => {
    if (server.exitCode !== null) return done();
    server.once('exit', () => done());
    server.kill('SIGTERM');
  });
}
