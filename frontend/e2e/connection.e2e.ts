/** Jobs are followed where events do not come, and what has no connection says so. */

import type { Page, Request } from 'playwright-core';
import { expect, test } from 'vitest';
import { expectAccessible, inBrowser, openPage, screenshot, signIn } from './browser';
import { Client } from './client';
import { USERS } from './service';

inBrowser('a job whose events are cut off', (stage) => {
  let page: Page;
  const asked: Request[] = [];

  test('moves in the list, since it is asked for again and again', async () => {
    page = await openPage(stage.browser);
    page.on('request', (request) => asked.push(request));
    await page.route('**/events', (route) => route.abort());
    const client = await Client.of(stage.service, USERS.connection);
    // long enough to be watched
    await client.begin(stage.service.photos, 'aliked+nearest');
    await signIn(page, stage.service, USERS.connection, '/jobs');
    const bar = page.getByRole('progressbar');
    await bar.waitFor();
    const share = async () => Number(await bar.getAttribute('aria-valuenow'));
    const before = await share();
    await expect.poll(share, { timeout: 20_000 }).toBeGreaterThan(before);
    expect(asked.some((one) => one.url().endsWith('/events'))).toBe(true);
    await screenshot(page, 'jobs-running');
  });

  test('says on its page that it is not live, and ends there all the same', async () => {
    await page.getByRole('link', { name: 'aliked+nearest' }).click();
    await page.getByText('every 3 s').waitFor();
    await expectAccessible(page, 'a job without events');
    await screenshot(page, 'job-without-events');
    await page.getByText('succeeded', { exact: true }).first().waitFor({ timeout: 90_000 });
    await page.getByText('12 of 12 photos').waitFor();
  });

  test('a page without a connection says so and stays; with one it goes on', async () => {
    await page.context().setOffline(true);
    await page.getByText('You are offline.').waitFor();
    await page.getByText('12 of 12 photos').waitFor();
    // what was never opened can't be loaded now
    await page.getByRole('link', { name: 'Plugins' }).click();
    await page.getByText('It comes when the connection is back.').waitFor();
    await screenshot(page, 'offline');
    await page.context().setOffline(false);
    await page.getByRole('link', { name: 'aliked' }).waitFor();
  });
});
