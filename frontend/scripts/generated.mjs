/** Fails if what is generated from `openapi.json` is not what stands in `src/api/generated`. */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const COMMITTED = 'src/api/generated';

// beside the committed one: the generator looks up from there for the TypeScript config
const fresh = mkdtempSync('src/api/.generated-');
try {
  const node = process.execPath;
  const generator = 'node_modules/@hey-api/openapi-ts/bin/run.js';
  execFileSync(node, [generator], { env: { ...process.env, GENERATED: fresh }, stdio: 'pipe' });
  const files = (folder) =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
      .sort();
  const names = [...new Set([...files(COMMITTED), ...files(fresh)])];
  const text = (folder, name) => {
    try {
      return readFileSync(join(folder, name), 'utf8');
    } catch {
      return undefined;
    }
  };
  const different = names.filter((name) => text(COMMITTED, name) !== text(fresh, name));
  if (different.length > 0) {
    console.error(`${COMMITTED} is not what openapi.json says: ${different.join(', ')}`);
    console.error('renew both by `cargo xtask frontend --renew-api`, or the files alone by `npm run generate`');
    process.exitCode = 1;
  } else {
    console.log(`${COMMITTED}: ${names.length} files are what openapi.json says`);
  }
} finally {
  rmSync(fresh, { recursive: true });
}
