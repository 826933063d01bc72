/** What a plugin declares of itself, as far as the page shows it (`host/engine`, descriptor). */

import { z } from 'zod';

const port = z.object({
  name: z.string(),
  dtype: z.string(),
  shape: z.string(),
  doc: z.string(),
  optional: z.boolean().default(false),
});

const descriptor = z.object({
  source: z.string().default(''),
  inputs: z.array(port).default([]),
  outputs: z.array(port).default([]),
  emits_family: z.string().nullish(),
  accepts_families: z.array(z.string()).default([]),
  devices: z.array(z.string()).default([]),
  extensions: z.array(z.string()).default([]),
  weights: z
    .array(z.object({ name: z.string(), file: z.string(), sha256: z.string(), license: z.string() }))
    .default([]),
  config_schema: z.unknown(),
});

export type Descriptor = z.infer<typeof descriptor>;
export type Port = z.infer<typeof port>;

/** Nothing where the plugin does not load, and so declares nothing. */
export function descriptorOf(declared: unknown): Descriptor | undefined {
  const parsed = descriptor.safeParse(declared);
  return parsed.success ? parsed.data : undefined;
}
