/** The whole story in a browser: sign in, upload by drop, watch, view, measure, download, compare two jobs. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  drop,
  expectAccessible,
  expectFits,
  openPage,
  reasonToSkip,
  screenshot,
  signIn,
  startBrowser,
} from './browser';
import { ADMIN, type Service, startService, USER } from './service';

describe.skipIf(reasonToSkip() !== undefined)('a reconstruction', () => {
  let service: Service;
  let browser: Browser;
  let page: Page;
  let job = '';

  beforeAll(async () => {
    service = await startService();
    browser = await startBrowser();
    page = await openPage(browser);
  });

  afterAll(async () => {
    await browser?.close();
    await service?.stop();
  });

  test('a wrong password is told, a right one leads to where one wanted to go', async () => {
    await page.goto(`${service.url}/jobs?state=failed`);
    await page.getByLabel('Name').fill(USER.name);
    await page.getByLabel('Password').fill('wrong');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('alert').waitFor();
    await expectAccessible(page, 'sign-in with a mistake');
    await screenshot(page, 'sign-in');
    await page.getByLabel('Password').fill(USER.password);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('Nothing found').waitFor();
    expect(page.url()).toBe(`${service.url}/jobs?state=failed`);
    await page.getByRole('link', { name: 'Show all' }).click();
    await page.getByText('No reconstruction yet').waitFor();
    await expectAccessible(page, 'no job yet');
    await screenshot(page, 'jobs-empty');
  });

  test('photos are dropped, uploaded and reconstructed while one watches', async () => {
    await page.getByRole('link', { name: 'New reconstruction' }).click();
    const photos = readdirSync(service.photos).map((name) => join(service.photos, name));
    await page.getByRole('heading', { name: 'New reconstruction' }).waitFor();
    await drop(page, 'text=Drop photos, a folder or a ZIP here', photos);
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
    const box = await page.locator('canvas').boundingBox();
    if (!box) throw new Error('the canvas has no size');
    await clickUntil(page, box, 'Click the other end');
    await clickUntil(page, box, 'It is really', 0.12);
    await page.getByLabel('It is really').fill('2.5 m');
    await page.getByRole('button', { name: 'Set', exact: true }).click();
    await page.getByText('2.50 m', { exact: true }).first().waitFor();
    await screenshot(page, 'scene-measured');
    await expectAccessible(page, 'the scene');
    // the address keeps what was measured once the view rests
    await page.waitForFunction('location.hash.includes("metres=")');
  });

  test('its points are downloaded', async () => {
    await page.goto(`${service.url}/jobs/${job}/files`);
    const button = page.getByRole('button', { name: 'Download points.ply' });
    const [download] = await Promise.all([page.waitForEvent('download'), button.click()]);
    const path = await download.path();
    expect(readFileSync(path).subarray(0, 4).toString()).toBe('ply\n');
  });

  test('another try with a value of one’s own is compared with the first', async () => {
    await page.goto(`${service.url}/jobs/${job}`);
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByLabel('with values of my own').check();
    const text = page.getByLabel('Config');
    await text.fill((await text.inputValue()).replace('max_keypoints = 2048', 'max_keypoints = 1024'));
    await screenshot(page, 'retry');
    await expectAccessible(page, 'another try');
    await page.getByRole('button', { name: 'Start' }).click();
    await page.waitForURL((url) => /\/jobs\/job_/.test(url.pathname) && !url.pathname.endsWith(job));
    await page.getByText('succeeded', { exact: true }).first().waitFor({ timeout: 240_000 });
    const other = page.url().split('/').at(-1) ?? '';
    await page.getByRole('link', { name: 'Compare' }).click();
    await page.getByLabel('Reconstruction B').selectOption(job);
    // a camera that one of them placed a little otherwise is left out
    await page.getByText(/laid over each other by \d+ of 12 cameras/).waitFor({ timeout: 60_000 });
    await screenshot(page, 'compared');
    expect(page.url()).toBe(`${service.url}/compare?a=${other}&b=${job}`);
    await page.getByRole('row', { name: /Keypoints in all photos 12,288 24,576/ }).waitFor();
    await page
      .getByText(/max_keypoints = 1024/)
      .first()
      .waitFor();
  });

  test.each(['light', 'dark', 'narrow'] as const)('every page is fit to be seen: %s', async (look) => {
    const options =
      look === 'narrow'
        ? { viewport: { width: 390, height: 844 }, hasTouch: true }
        : { colorScheme: look as 'light' | 'dark' };
    const seen = await openPage(browser, options);
    await signIn(seen, service, ADMIN, '/status');
    const pages = {
      status: '/status',
      plugins: '/plugins',
      plugin: '/plugins/aliked',
      jobs: '/jobs',
      new: '/new',
      job: `/jobs/${job}`,
      photos: `/jobs/${job}/photos`,
      statistics: `/jobs/${job}/statistics`,
      files: `/jobs/${job}/files`,
      scene: `/jobs/${job}/scene`,
      compare: `/compare?a=${job}&b=${job}`,
      'no-job': '/jobs/job_0',
      'no-page': '/nothing',
    };
    for (const [name, path] of Object.entries(pages)) {
      await seen.goto(service.url + path);
      await seen.locator('h1, h2').first().waitFor();
      await seen.waitForLoadState('networkidle', { timeout: 10_000 }).catch(() => undefined);
      await screenshot(seen, `${name}-${look}`);
      await expectAccessible(seen, `${name}, ${look}`);
      await expectFits(seen, `${name}, ${look}`);
    }
    await seen.close();
  });

  test('a session that was ended elsewhere asks to sign in over the page', async () => {
    await page.goto(`${service.url}/jobs/${job}`);
    await page.getByText('12 of 12 photos').waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await page.goto(`${service.url}/jobs/${job}/statistics`);
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await page.getByLabel('Name').fill(USER.name);
    await page.getByLabel('Password').fill(USER.password);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('Match graph').waitFor();
  });
});

interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** Points are where they are: clicks in a widening spiral until one is hit. */
async function clickUntil(page: Page, box: Box, text: string, offset = 0) {
  for (let step = 0; step < 60; step += 1) {
    const reach = (0.35 * step) / 60 + offset;
    const x = box.x + box.width * (0.5 + reach * Math.cos(step * 2.4));
    const y = box.y + box.height * (0.5 + reach * Math.sin(step * 2.4));
    await page.mouse.click(x, y);
    const isThere = await page
      .getByText(text)
      .waitFor({ timeout: 700 })
      .then(
        () => true,
        () => false,
      );
    if (isThere) return;
  }
  throw new Error(`no click brought “${text}”`);
}
