/** Photos that look other than those that the service is used to: told before the job, and on its page. */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { dropPhotos, expectAccessible, inBrowser, openPage, screenshot, signIn } from './browser';
import { USERS } from './service';

/** What is left of the light. */
const LIGHT = 0.6;

inBrowser('photos darkened by 40 %', (stage) => {
  let page: Page;

  test('are told right after they are sent: what moved, by how much, with both histograms', async () => {
    page = await openPage(stage.browser);
    await signIn(page, stage.service, USERS.drift, '/new');
    const dark = await darkened(page, stage.service.photos, join(stage.service.folder, 'dark'));
    await dropPhotos(page, dark);
    // long enough to be cancelled
    await page.getByRole('radio', { name: /^aliked\+nearest/ }).check();
    await page.getByRole('button', { name: 'Upload and start' }).click();
    await page.getByText('These photos look other than usual').waitFor();
    await page.getByRole('heading', { name: 'Brightness is lower' }).waitFor();
    const label = await page.getByRole('img', { name: /Brightness: mean/ }).getAttribute('aria-label');
    const [mean, usual] = [...(label ?? '').matchAll(/\d+(\.\d+)?/g)].map(([digits]) => Number(digits));
    expect((mean ?? 0) / (usual ?? 1)).toBeCloseTo(LIGHT, 1);
    expect(await page.getByText(/standard deviations apart/).count()).toBeGreaterThan(0);
    await expectAccessible(page, 'drift after the start');
    await screenshot(page, 'drift-started');
  });

  test('are told on the page of the job, with the figures behind it', async () => {
    await page.getByRole('link', { name: 'Watch it' }).click();
    await page.getByText('The photos do not look as usual').waitFor();
    await page.getByRole('link', { name: 'See which' }).click();
    const row = page.getByRole('row', { name: /^Brightness moved/ });
    await row.waitFor();
    await page.getByRole('heading', { name: 'Brightness is lower' }).waitFor();
    // the photos have the size that they always had
    await page.getByRole('row', { name: /^Width as usual/ }).waitFor();
    await expectAccessible(page, 'drift of a job');
    await screenshot(page, 'drift-statistics');
  });

  test('may be a reason to cancel: the job says so, and how to go on', async () => {
    await page.getByRole('button', { name: 'Cancel', exact: true }).click();
    await page.getByRole('link', { name: 'Overview' }).click();
    await page.getByText('It was cancelled').waitFor();
    await page.getByRole('button', { name: 'Try again, as it was or otherwise' }).waitFor();
    await expectAccessible(page, 'a cancelled job');
    await screenshot(page, 'job-cancelled');
  });
});

/** The photos with less light, as the browser draws them. */
async function darkened(page: Page, photos: readonly string[], folder: string): Promise<string[]> {
  mkdirSync(folder);
  const draw = `async (base64) => {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    const bitmap = await createImageBitmap(new Blob([bytes], { type: 'image/jpeg' }));
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
    const context = canvas.getContext('2d');
    context.filter = 'brightness(${LIGHT})';
    context.drawImage(bitmap, 0, 0);
    const blob = await canvas.convertToBlob({ type: 'image/jpeg', quality: 0.95 });
    const dark = new Uint8Array(await blob.arrayBuffer());
    let binary = '';
    for (const byte of dark) binary += String.fromCharCode(byte);
    return btoa(binary);
  }`;
  const made: string[] = [];
  for (const photo of photos) {
    const base64 = await page.evaluate(`(${draw})(${JSON.stringify(readFileSync(photo).toString('base64'))})`);
    const path = join(folder, basename(photo));
    writeFileSync(path, Buffer.from(base64 as string, 'base64'));
    made.push(path);
  }
  return made;
}
