/** How the page is driven in a real browser against the real service: `npm run e2e`. */

import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['e2e/**/*.e2e.ts'],
    globalSetup: ['e2e/setup.ts'],
    // one after the other: they share the machine with the reconstructions that they wait for
    fileParallelism: false,
    testTimeout: 300_000,
    hookTimeout: 120_000,
  },
});
