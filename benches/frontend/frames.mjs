/**
 * Frame times and memory of the 3D viewer, for scenes of several sizes: the built page in a real browser, moved by a
 * pointer as a person does. The scene comes over HTTP ranges from a server in this process, which hands out files and
 * knows one user; everything that is measured is the page.
 *
 *   cargo run --release -p scene3d-export --example tiles_bench -- 5000000 5000000.tiles
 *   (cd frontend && npm ci && npm run build)
 *   node benches/frontend/frames.mjs 100000.tiles 1000000.tiles 5000000.tiles
 *
 * `CHROMIUM` names the browser, `FLAGS` replaces its flags (on a machine with a GPU: `--use-angle=vulkan` or none).
 */

import { createReadStream, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { basename, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const FRONTEND = fileURLToPath(new URL('../../frontend/', import.meta.url));
const { chromium } = createRequire(join(FRONTEND, 'package.json'))('playwright-core');

const WINDOW = { width: 1280, height: 800 };
const SETTLED_MS = 120_000;
const DRAG_MS = 8_000;
/** The budget finds its size in the first part of the movement, which is not counted. */
const WARM_UP_MS = 3_000;

const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };

const tilesByJob = new Map(process.argv.slice(2).map((path) => [basename(path), path]));
if (tilesByJob.size === 0) {
  console.error('no scene: node benches/frontend/frames.mjs FILE.tiles...');
  process.exit(2);
}

/** A file, or the part of it that is asked for. */
function sendFile(request, response, path, type) {
  const { size } = statSync(path);
  const [, first, last] = request.headers.range?.match(/^bytes=(\d+)-(\d+)$/) ?? [];
  const [start, end] = first === undefined ? [0, size - 1] : [Number(first), Math.min(Number(last), size - 1)];
  response.writeHead(first === undefined ? 200 : 206, {
    'content-type': type,
    'content-length': end - start + 1,
    ...(first === undefined ? {} : { 'content-range': `bytes ${start}-${end}/${size}` }),
  });
  createReadStream(path, { start, end }).pipe(response);
}

function answer(request, response) {
  const path = decodeURIComponent(new URL(request.url, 'http://localhost').pathname);
  const [, job] = path.match(/^\/api\/v1\/jobs\/([^/]+)\/artifacts\/scene\.tiles$/) ?? [];
  if (tilesByJob.has(job)) return sendFile(request, response, tilesByJob.get(job), 'application/octet-stream');
  if (path === '/api/v1/auth/refresh') {
    const body = { access_token: 'bench', token_type: 'Bearer', expires_in: 86_400, refresh_token: 'bench', scopes: ['jobs:read'] };
    response.writeHead(200, { 'content-type': 'application/json' });
    return response.end(JSON.stringify(body));
  }
  if (path.startsWith('/api/')) {
    response.writeHead(404, { 'content-type': 'application/problem+json' });
    return response.end('{"code": "not_found", "detail": "this server only has scenes"}');
  }
  const file = join(FRONTEND, 'dist', path);
  const isFile = existsSync(file) && statSync(file).isFile();
  return sendFile(request, response, isFile ? file : join(FRONTEND, 'dist/index.html'), TYPES[extname(isFile ? file : '.html')] ?? 'text/html');
}

/** Resident memory of a process and all below it, bytes. */
function residentBytes(root) {
  const parents = new Map();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      parents.set(Number(pid), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
    } catch {
      // it has ended since
    }
  }
  const isBelow = (pid) => pid === root || (parents.has(pid) && isBelow(parents.get(pid)));
  let total = 0;
  for (const pid of parents.keys()) {
    if (!isBelow(pid)) continue;
    try {
      // proportional: pages that processes share count once
      const [, kb] = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8').match(/^Pss:\s+(\d+)/m) ?? [];
      total += Number(kb ?? 0) * 1024;
    } catch {
      // as above
    }
  }
  return total;
}

function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

async function settled(page) {
  await page.waitForFunction(
    () => {
      const scene = document.querySelector('[data-points-shown]');
      return scene && Number(scene.dataset.pointsShown) > 0 && scene.dataset.loading === 'false';
    },
    undefined,
    { timeout: SETTLED_MS, polling: 100 },
  );
}

const pointsShown = (page) => page.$eval('[data-points-shown]', (scene) => Number(scene.dataset.pointsShown));

/** Turns the view for a time; gaps between frames and points drawn, once the budget has found its size. */
async function drag(page) {
  const [x, y] = [WINDOW.width / 2 + 200, WINDOW.height / 2];
  await page.mouse.move(x, y);
  await page.mouse.down();
  await page.evaluate((warmUpMs) => {
    window.frames_ = [];
    window.shown_ = [];
    const begun = performance.now();
    let before = begun;
    const look = (now) => {
      if (now - begun > warmUpMs) {
        window.frames_.push(now - before);
        window.shown_.push(Number(document.querySelector('[data-points-shown]').dataset.pointsShown));
      }
      before = now;
      window.looking_ = requestAnimationFrame(look);
    };
    window.looking_ = requestAnimationFrame(look);
  }, WARM_UP_MS);
  const begun = Date.now();
  for (let step = 0; Date.now() - begun < DRAG_MS; step++) {
    await page.mouse.move(x + 160 * Math.sin(step / 9), y + 25 * Math.sin(step / 17));
    await page.waitForTimeout(12);
  }
  const measured = await page.evaluate(() => {
    cancelAnimationFrame(window.looking_);
    return { frames: window.frames_, shown: window.shown_ };
  });
  await page.mouse.up();
  return measured;
}

async function measure(url, job) {
  const flags = process.env.FLAGS?.split(' ').filter(Boolean) ?? ['--use-angle=swiftshader', '--enable-unsafe-swiftshader'];
  const server = await chromium.launchServer({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    headless: true,
    args: ['--no-sandbox', '--enable-precise-memory-info', ...flags],
  });
  const browser = await chromium.connect(server.wsEndpoint());
  const page = await browser.newPage({ viewport: WINDOW });
  const session = { user: 'bench', scopes: ['jobs:read'], refreshToken: 'bench' };
  await page.addInitScript((value) => localStorage.setItem('scene3d.session', value), JSON.stringify(session));
  const begun = Date.now();
  await page.goto(`${url}/jobs/${encodeURIComponent(job)}/scene`);
  await page.waitForFunction(() => Number(document.querySelector('[data-points-shown]')?.dataset.pointsShown) > 0, undefined, { timeout: SETTLED_MS });
  const firstMs = Date.now() - begun;
  await settled(page);
  const settledMs = Date.now() - begun;
  const renderer = await page.evaluate(() => {
    const gl = document.createElement('canvas').getContext('webgl2');
    return gl.getParameter(gl.getExtension('WEBGL_debug_renderer_info').UNMASKED_RENDERER_WEBGL);
  });
  const { frames, shown } = await drag(page);
  await page.waitForTimeout(4000);
  await settled(page);
  const row = {
    job,
    renderer,
    firstMs,
    settledMs,
    medianMs: quantile(frames, 0.5),
    p95Ms: quantile(frames, 0.95),
    moving: quantile(shown, 0.5),
    still: await pointsShown(page),
    heapMb: (await page.evaluate(() => performance.memory.usedJSHeapSize)) / 1e6,
    browserMb: residentBytes(server.process().pid) / 1e6,
  };
  await browser.close();
  await server.close();
  return row;
}

const http = createServer(answer);
await new Promise((done) => http.listen(0, '127.0.0.1', done));
const url = `http://127.0.0.1:${http.address().port}`;
const rows = [];
for (const job of tilesByJob.keys()) rows.push(await measure(url, job));
http.close();

const whole = (value) => Math.round(value).toLocaleString('en');
console.log(`${rows[0].renderer}, ${WINDOW.width} x ${WINDOW.height}\n`);
console.log('| scene | first points, s | settled, s | frame while it moves, ms (median, p95) | points while it moves | points at rest | JS heap, MB | whole browser, MB |');
console.log('| --- | --- | --- | --- | --- | --- | --- | --- |');
for (const row of rows) {
  const secs = (ms) => (ms / 1000).toFixed(1);
  console.log(
    `| ${row.job} | ${secs(row.firstMs)} | ${secs(row.settledMs)} | ${row.medianMs.toFixed(0)}, ${row.p95Ms.toFixed(0)} ` +
      `| ${whole(row.moving)} | ${whole(row.still)} | ${whole(row.heapMb)} | ${whole(row.browserMb)} |`,
  );
}
