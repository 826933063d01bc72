/** The whole story in a browser: sign in, upload by drop, watch, view, measure, download, compare two jobs. */

import { readFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import { dropPhotos, expectAccessible, inBrowser, openPage, screenshot, waitUntilTrue } from './browser';
import { clickUntil } from './scene';
import { USERS } from './service';

const USER = USERS.story;

inBrowser('a reconstruction', (stage) => {
  let page: Page;
  let job = '';
  /** The same photos with other values. */
  let other = '';

  beforeAll(async () => {
    page = await openPage(stage.browser);
  });

  test('a wrong password is told, a right one leads to where one wanted to go', async () => {
    await page.goto(`${stage.service.url}/jobs?state=failed`);
    await page.getByLabel('Name').fill(USER.name);
    await page.getByLabel('Password').fill('wrong');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('alert').waitFor();
    await expectAccessible(page, 'sign-in with a mistake');
    await screenshot(page, 'sign-in');
    await page.getByLabel('Password').fill(USER.password);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('Nothing found').waitFor();
    expect(page.url()).toBe(`${stage.service.url}/jobs?state=failed`);
    await page.getByRole('link', { name: 'Show all' }).click();
    await page.getByText('No reconstruction yet').waitFor();
    await expectAccessible(page, 'no job yet');
    await screenshot(page, 'jobs-empty');
  });

  test('photos are dropped, uploaded and reconstructed while one watches', async () => {
    await page.getByRole('link', { name: 'New reconstruction' }).click();
    await dropPhotos(page, stage.service.photos);
    await page.getByText('image_011.jpg').first().waitFor();
    await page.getByRole('radio', { name: /aliked\+nearest/ }).check();
    await screenshot(page, 'new-filled');
    await expectAccessible(page, 'new, filled in');
    await page.getByRole('button', { name: 'Upload and start' }).click();
    await page.waitForURL(/\/jobs\/job_/);
    job = page.url().split('/').at(-1) ?? '';
    await page.getByText('Find keypoints', { exact: true }).waitFor();
    await screenshot(page, 'job-running');
    await expectAccessible(page, 'a job that runs');
    await page.getByText('succeeded', { exact: true }).first().waitFor({ timeout: 240_000 });
    await page.getByText('12 of 12 photos').waitFor();
  });

  test('the scene is looked at and measured', async () => {
    await page.getByRole('link', { name: 'Open the scene' }).click();
    await page.waitForURL(/\/scene/);
    await page.locator('canvas').waitFor();
    await page.getByRole('button', { name: 'Measure', exact: true }).click();
    await page.getByText('Click a point at each end').waitFor();
    await clickUntil(page, page.locator('canvas'), page.getByText('Click the other end'));
    await clickUntil(page, page.locator('canvas'), page.getByLabel('It is really'), 0.12);
    await page.getByLabel('It is really').fill('2.5 m');
    await page.getByRole('button', { name: 'Set', exact: true }).click();
    await page.getByText('2.50 m', { exact: true }).first().waitFor();
    await screenshot(page, 'scene-measured');
    await expectAccessible(page, 'the scene');
    // the address keeps what was measured once the view rests
    await waitUntilTrue(page, 'location.hash.includes("metres=")');
  });

  test('its points are downloaded', async () => {
    await page.goto(`${stage.service.url}/jobs/${job}/files`);
    const button = page.getByRole('button', { name: 'Download points.ply' });
    const [download] = await Promise.all([page.waitForEvent('download'), button.click()]);
    const path = await download.path();
    expect(readFileSync(path).subarray(0, 4).toString()).toBe('ply\n');
  });

  test('another try with a value of one’s own is compared with the first', async () => {
    await page.goto(`${stage.service.url}/jobs/${job}`);
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByLabel('with values of my own').check();
    const text = page.getByLabel('Config');
    await text.fill((await text.inputValue()).replace('max_keypoints = 2048', 'max_keypoints = 1024'));
    await screenshot(page, 'retry');
    await expectAccessible(page, 'another try');
    await page.getByRole('button', { name: 'Start' }).click();
    await page.waitForURL((url) => /\/jobs\/job_/.test(url.pathname) && !url.pathname.endsWith(job));
    await page.getByText('succeeded', { exact: true }).first().waitFor({ timeout: 240_000 });
    other = page.url().split('/').at(-1) ?? '';
    await page.getByRole('link', { name: 'Compare' }).click();
    await page.getByLabel('Reconstruction B').selectOption(job);
    await page.getByText(/Laid over each other by 12 of 12 cameras/).waitFor({ timeout: 60_000 });
    for (const side of ['A', 'B']) {
      const scene = page.getByRole('region', { name: `Scene of ${side}` });
      await scene.getByRole('button', { name: 'Measure', exact: true }).click();
      // what is measured is told below the scenes, so the panel may go
      await scene.getByRole('button', { name: 'Settings' }).click();
      await clickUntil(
        page,
        scene.locator('canvas'),
        page.getByText(side === 'A' ? /Measured: A / : /Measured: A .*, B /),
      );
    }
    await screenshot(page, 'compared');
    expect(page.url()).toBe(`${stage.service.url}/compare?a=${other}&b=${job}`);
    await page.getByRole('row', { name: /Keypoints in all photos 12,288 24,576/ }).waitFor();
    await page
      .getByText(/max_keypoints = 1024/)
      .first()
      .waitFor();
  });

  test('a session that was ended elsewhere asks to sign in over the page', async () => {
    await page.goto(`${stage.service.url}/jobs/${job}`);
    await page.getByText('12 of 12 photos').waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await page.goto(`${stage.service.url}/jobs/${job}/statistics`);
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await page.getByLabel('Name').fill(USER.name);
    await page.getByLabel('Password').fill(USER.password);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('Match graph').waitFor();
  });
});
