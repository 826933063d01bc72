/** One service for all files of tests: they wait for its start once. */

import type { TestProject } from 'vitest/node';
import { reasonToSkip, type Service, startService } from './service';

declare module 'vitest' {
  interface ProvidedContext {
    service: Service | null;
  }
}

export default async function setup(project: TestProject) {
  const reason = reasonToSkip();
  if (reason) {
    // printed, so that what is skipped is seen to be
    process.stderr.write(`skipped: ${reason}\n`);
    project.provide('service', null);
    return;
  }
  const { stop, ...service } = await startService();
  project.provide('service', service);
  return stop;
}
