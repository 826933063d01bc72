/** A job that fails: what failed, why, what to try, and the way from there to one that succeeds. */

import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { expectAccessible, inBrowser, openPage, screenshot, signIn } from './browser';
import { Client } from './client';
import { USERS } from './service';

inBrowser('a job that finds too little in its photos', (stage) => {
  let page: Page;
  let job = '';

  test('fails with code, reason, help, and why each photo found no place', async () => {
    const client = await Client.of(stage.service, USERS.failure);
    job = await client.begin(stage.service.photos, 'sparse');
    const { failure } = await client.ended(job);
    expect(failure?.code).toBe('no_model');
    page = await openPage(stage.browser);
    await signIn(page, stage.service, USERS.failure, `/jobs/${job}`);
    const notice = page.getByRole('alert');
    await notice.getByText('No model came of these photos').waitFor();
    for (const text of ['no_model', failure?.message, failure?.help]) await notice.getByText(text ?? '?').waitFor();
    await expectAccessible(page, 'a job that failed');
    await screenshot(page, 'job-failed');
    await notice.getByRole('link', { name: /Why 12 photos found no place/ }).click();
    await expect.poll(() => page.getByText('too few keypoints').count()).toBeGreaterThanOrEqual(12);
    await screenshot(page, 'job-failed-photos');
  });

  test('succeeds with another pipeline, chosen where the failure is told', async () => {
    await page.getByRole('link', { name: 'Overview' }).click();
    await page
      .getByRole('alert')
      .getByRole('button', { name: /Try again/ })
      .click();
    await page.getByRole('radio', { name: /^quick/ }).check();
    await expectAccessible(page, 'another try of what failed');
    await screenshot(page, 'job-failed-retry');
    await page.getByRole('button', { name: 'Start' }).click();
    await page.waitForURL((url) => url.pathname.startsWith('/jobs/job_') && !url.pathname.endsWith(job));
    await page.getByText('succeeded', { exact: true }).first().waitFor({ timeout: 60_000 });
    await page.getByText('12 of 12 photos').waitFor();
  });

  test('stands in the list with its state, and is deleted after a question', async () => {
    await page.goto(`${stage.service.url}/jobs?state=failed`);
    const row = page.getByRole('row', { name: /sparse/ });
    await row.getByText('failed', { exact: true }).waitFor();
    await row.getByRole('button', { name: 'Delete' }).click();
    await screenshot(page, 'jobs-delete');
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await page.getByText('Nothing found').waitFor();
  });
});
