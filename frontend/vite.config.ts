/** How the page is built, served while it is worked on, and tested. */

import tailwindcss from '@tailwindcss/vite';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

/** The service that `npm run dev` passes requests on to. */
const service = process.env['SCENE3D_SERVICE'] ?? 'http://127.0.0.1:8000';

export default defineConfig({
  plugins: [react(), tailwindcss()],
  build: {
    target: 'es2023',
    // a data: URL would be one more thing that the content policy must allow
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 1500,
    manifest: true,
  },
  worker: { format: 'es' },
  server: { proxy: { '/api': service, '/healthz': service, '/readyz': service, '/metrics': service } },
  test: {
    environment: 'jsdom',
    setupFiles: ['src/test/setup.ts'],
    include: ['src/**/*.test.{ts,tsx}'],
    restoreMocks: true,
    testTimeout: 30_000,
  },
});
