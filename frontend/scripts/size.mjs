/**
 * How much is loaded before a page stands, and with each page: gzip bytes of what the build's manifest says is fetched.
 * Fails past the budget; the viewer, which is loaded when it is opened, is outside of it.
 */

import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const MAX_FIRST_LOAD_KB = 400;

/** What draws a scene, each loaded on its own after the page that it is in. */
const VIEWERS = ['src/scene/', 'src/job/ScenePreview.tsx', 'src/compare/CompareScenes.tsx'];

const manifest = JSON.parse(readFileSync('dist/.vite/manifest.json', 'utf8'));
const sizes = new Map();

function gzipBytes(file) {
  if (!sizes.has(file)) sizes.set(file, gzipSync(readFileSync(`dist/${file}`)).length);
  return sizes.get(file);
}

/** Files of a chunk and of all that it imports at once. */
function files(key, found = new Set()) {
  const chunk = manifest[key];
  if (found.has(chunk.file)) return found;
  found.add(chunk.file);
  for (const style of chunk.css ?? []) found.add(style);
  for (const imported of chunk.imports ?? []) files(imported, found);
  return found;
}

const entry = Object.keys(manifest).find((key) => manifest[key].isEntry);
const first = files(entry);
const sum = (names) => [...names].reduce((total, name) => total + gzipBytes(name), 0);
const row = (name, bytes) => console.log(`${name.padEnd(34)} ${(bytes / 1000).toFixed(1).padStart(8)} kB`);

console.log('gzip, loaded                        ');
row('first', sum(first));
let largest = 0;
for (const [key, chunk] of Object.entries(manifest)) {
  if (!chunk.isDynamicEntry) continue;
  const own = [...files(key)].filter((name) => !first.has(name));
  const isViewer = VIEWERS.some((path) => key.startsWith(path));
  row(`  and with ${chunk.name}${isViewer ? ' (lazy)' : ''}`, sum(own));
  if (!isViewer) largest = Math.max(largest, sum(own));
}
const worst = (sum(first) + largest) / 1000;
console.log(`first load with the largest page: ${worst.toFixed(1)} kB of ${MAX_FIRST_LOAD_KB} kB`);
if (worst > MAX_FIRST_LOAD_KB) {
  console.error('too large: load what is not needed at once when it is needed (`lazy`, `import()`)');
  process.exitCode = 1;
}
