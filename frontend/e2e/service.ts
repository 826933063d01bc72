/** The real program with an empty data folder, an address of its own, users, pipelines, photos and a baseline of drift. */

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { preview } from 'vite';

const PROGRAM = resolve(process.env['SCENE3D_BIN'] ?? '../target/release/scene3d');
export const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';

/** As many photos as a baseline needs. */
const NUM_PHOTOS = 20;

/** What a job of a test is made of. */
const NUM_USED = 12;

export interface User {
  name: string;
  password: string;
}

/** Each file of tests has a user of its own, who sees nothing of the others. */
export const USERS = {
  story: user('ann'),
  upload: user('ben'),
  drift: user('cleo'),
  failure: user('dan'),
  connection: user('eve'),
  viewer: user('fay'),
  status: user('gil'),
};
export const ADMIN: User = { name: 'root', password: 'a password for the operator' };

/** The same photos by few keypoints: seconds, where the configs of the repository take a minute. */
const QUICK = `# Few keypoints on small photos: quick.
[pipeline]
device = "cpu"
[[features]]
extractor = { plugin = "aliked", model = "n16rot", max_keypoints = 512, max_image_size = 512 }
matcher = { plugin = "nearest" }
[mapper]
plugin = "colmap"
`;

const PIPELINES = {
  quick: QUICK,
  /** Finds too little for a model. */
  sparse: QUICK.replace('max_keypoints = 512', 'max_keypoints = 8').replace('Few keypoints', 'Eight keypoints'),
};

export interface Service {
  /** Where the page is. */
  url: string;
  /** For files of tests. */
  folder: string;
  /** Photos of the sample scene that a job is made of. */
  photos: string[];
}

/** Why nothing can be driven here. */
export function reasonToSkip(): string | undefined {
  if (!existsSync(CHROMIUM)) return `there is no ${CHROMIUM}: install chromium, or name it by CHROMIUM`;
  return existsSync(PROGRAM) ? undefined : `there is no ${PROGRAM}: build it, or name it by SCENE3D_BIN`;
}

export async function startService(): Promise<Service & { stop(): Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), 'scene3d-e2e-'));
  const data = join(folder, 'data');
  const images = join(folder, 'sample', 'images');
  run(['sample', join(folder, 'sample'), '--num-images', String(NUM_PHOTOS)]);
  run(['eda', images, '--out', join(folder, 'baseline.json')]);
  writePipelines(join(folder, 'configs'));
  writeFileSync(
    join(folder, 'serve.toml'),
    `server.bind = "127.0.0.1:0"
jobs.config_dirs = [${JSON.stringify(resolve('../configs'))}, "configs"]
drift.baseline = "baseline.json"
`,
  );
  for (const one of Object.values(USERS)) addUser(data, one, 'jobs:read,jobs:write');
  addUser(data, ADMIN, 'jobs:read,jobs:write,admin');
  const server = spawn(PROGRAM, ['serve', '--config', 'serve.toml', '--data-dir', data], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const api = await listening(server);
  const page = await pageOf(api);
  return {
    url: page.url,
    folder,
    photos: readdirSync(images)
      .sort()
      .slice(0, NUM_USED)
      .map((name) => join(images, name)),
    stop: async () => {
      await page.stop();
      await ended(server);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function user(name: string): User {
  return { name, password: `correct horse battery staple of ${name}` };
}

function run(args: string[], input?: string) {
  execFileSync(PROGRAM, args, { input, stdio: ['pipe', 'ignore', 'inherit'] });
}

function addUser(data: string, { name, password }: User, scopes: string) {
  run(['user', 'add', name, '--scopes', scopes, '--data-dir', data], `${password}\n`);
}

function writePipelines(folder: string) {
  mkdirSync(folder);
  for (const [name, toml] of Object.entries(PIPELINES)) writeFileSync(join(folder, `${name}.toml`), toml);
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
