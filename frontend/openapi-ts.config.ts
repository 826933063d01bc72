/** What is generated from the document of the API: types, checks of every answer, a function an operation. */

import { readFileSync } from 'node:fs';
import { defineConfig } from '@hey-api/openapi-ts';

/** Widths of integers say nothing to JSON; the generator would make big integers of some, which `fetch` never gives. */
const document = JSON.parse(readFileSync('openapi.json', 'utf8'), (key, value) =>
  key === 'format' && /^u?int\d+$/.test(value) ? undefined : value,
);

export default defineConfig({
  input: document,
  output: { path: 'src/api/generated' },
  // a stream of events is no query
  parser: { hooks: { operations: { isQuery: ({ id }) => (id === 'jobEvents' ? false : undefined) } } },
  plugins: [
    '@hey-api/client-fetch',
    '@hey-api/typescript',
    { name: 'zod' },
    { name: '@hey-api/sdk', validator: { response: 'zod' } },
    '@tanstack/react-query',
  ],
});
