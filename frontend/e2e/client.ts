/** The API without a page, for what a test needs to be there before it begins. */

import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { expect } from 'vitest';
import type { JobView } from '../src/api/generated';
import type { Service, User } from './service';

const POLL_MS = 200;

export class Client {
  private constructor(
    private readonly url: string,
    private readonly token: string,
  ) {}

  static async of({ url }: Service, { name, password }: User): Promise<Client> {
    const body = JSON.stringify({ user: name, password });
    const answer = await fetch(`${url}/api/v1/auth/token`, { method: 'POST', headers: JSON_TYPE, body });
    expect(answer.status).toBe(200);
    return new Client(url, (await answer.json()).access_token);
  }

  /** Uploads photos and asks for a job; gives its id. */
  async begin(photos: readonly string[], config: string): Promise<string> {
    const form = new FormData();
    for (const path of photos) form.append('file', new Blob([readFileSync(path)]), basename(path));
    const upload = await this.ask('POST', '/api/v1/uploads', form);
    const body = JSON.stringify({ upload_id: upload.id, config });
    return (await this.ask('POST', '/api/v1/jobs', body, JSON_TYPE)).id;
  }

  /** The job once it has ended. */
  async ended(id: string): Promise<JobView> {
    for (;;) {
      const job: JobView = await this.ask('GET', `/api/v1/jobs/${id}`);
      if (['succeeded', 'failed', 'cancelled'].includes(job.state)) return job;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  async status(path: string): Promise<number> {
    return (await fetch(this.url + path, { headers: this.headers() })).status;
  }

  private headers() {
    return { authorization: `Bearer ${this.token}` };
  }

  private async ask(method: string, path: string, body?: FormData | string, headers = {}) {
    const init = { method, headers: { ...this.headers(), ...headers }, ...(body ? { body } : {}) };
    const answer = await fetch(this.url + path, init);
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  }
}

const JSON_TYPE = { 'content-type': 'application/json' };
