/** An upload by tus that is in nobody's hurry: paused, reloaded in its middle, without a connection, and done. */

import type { Page, Request } from 'playwright-core';
import { expect, test } from 'vitest';
import { dropPhotos, expectAccessible, inBrowser, network, openPage, screenshot, signIn } from './browser';
import { USERS } from './service';

/** Each photo takes seconds then. */
const BYTES_PER_SEC = 60_000;

inBrowser('an upload', (stage) => {
  let page: Page;
  let connect: Awaited<ReturnType<typeof network>>;
  /** Requests to the endpoint of tus, as they are sent. */
  const sent: Request[] = [];
  const photos = () => stage.service.photos.slice(0, 3);
  const offsets = () =>
    sent.filter((one) => one.method() === 'PATCH').map((one) => Number(one.headers()['upload-offset']));
  const created = () => sent.filter((one) => one.method() === 'POST').length;

  test('is paused in the middle of its photos', async () => {
    page = await openPage(stage.browser);
    page.on('request', (request) => {
      if (request.url().includes('/api/v1/tus')) sent.push(request);
    });
    await signIn(page, stage.service, USERS.upload, '/new');
    connect = await network(page);
    await connect({ uploadThroughput: BYTES_PER_SEC });
    await dropPhotos(page, photos());
    await page.getByRole('radio', { name: /^quick/ }).check();
    await page.getByRole('button', { name: 'Upload and start' }).click();
    await page
      .getByText(/^[1-8]\d % sent$/)
      .first()
      .waitFor();
    await screenshot(page, 'upload-running');
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByRole('button', { name: 'Go on' }).waitFor();
    await expectAccessible(page, 'a paused upload');
    await screenshot(page, 'upload-paused');
    expect(created()).toBe(3);
    expect(offsets()).toEqual([0, 0, 0]);
  });

  test('says after a reload that it was interrupted, and how to go on', async () => {
    await page.reload();
    await page.getByText(/An upload of 3 photos .* was interrupted/).waitFor();
    await expectAccessible(page, 'an interrupted upload');
    await screenshot(page, 'upload-interrupted');
  });

  test('goes on where it was once the same photos are there again', async () => {
    sent.length = 0;
    await dropPhotos(page, photos());
    await page.getByRole('radio', { name: /^quick/ }).check();
    await page.getByRole('button', { name: 'Upload and start' }).click();
    await expect.poll(() => offsets().length, { timeout: 20_000 }).toBeGreaterThan(0);
    expect(created()).toBe(0);
    expect(Math.min(...offsets())).toBeGreaterThan(0);
  });

  test('waits without a connection, says so, and goes on with it', async () => {
    await connect({ offline: true });
    await page.getByText('You are offline.').waitFor();
    await page.getByText('The upload goes on when it is back.').waitFor();
    await expectAccessible(page, 'offline');
    await screenshot(page, 'upload-offline');
    await connect({});
    await page.getByText('You are offline.').waitFor({ state: 'detached' });
    await page.waitForURL(/\/jobs\/job_/);
    await page.getByText('succeeded', { exact: true }).first().waitFor({ timeout: 60_000 });
  });
});
