/** The scene as people walk around in it: by pointer, by keys, and by a link. */

import type { Page } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import { expectAccessible, inBrowser, openPage, screenshot, signIn, waitUntilTrue } from './browser';
import { Client } from './client';
import { clickUntil, differingShare, picture, pointUntil, settled } from './scene';
import { USERS } from './service';

inBrowser('the viewer', (stage) => {
  let page: Page;
  let job = '';
  let home: Buffer;
  const canvas = () => page.locator('canvas');
  const colours = () => page.getByRole('group', { name: 'Colour by' });
  const hash = async () => decodeURIComponent(new URL(page.url()).hash.slice(1));
  const open = async (view = '') => {
    await page.goto('about:blank');
    await page.goto(`${stage.service.url}/jobs/${job}/scene${view}`);
    await settled(page);
  };
  const differsFromHome = async () => differingShare(page, home, await picture(page));

  beforeAll(async () => {
    const client = await Client.of(stage.service, USERS.viewer);
    job = await client.begin(stage.service.photos, 'quick');
    expect((await client.ended(job)).state).toBe('succeeded');
    page = await openPage(stage.browser, { permissions: ['clipboard-read', 'clipboard-write'] });
    await signIn(page, stage.service, USERS.viewer, `/jobs/${job}/scene`);
    home = await picture(page);
  });

  test('stands where the whole scene is seen until somebody moves it', async () => {
    for (const width of [1280, 390]) {
      await page.setViewportSize({ width, height: 860 });
      await open();
      // longer than the address takes to follow
      await page.waitForTimeout(1000);
      expect(await hash()).toBe('');
    }
    await page.setViewportSize({ width: 1280, height: 860 });
    await page.getByText('Drag to turn').first().waitFor();
  });

  test('shows the photos of a point that is clicked, and leads into one of them', async () => {
    await open();
    await clickUntil(page, canvas(), page.getByRole('button', { name: /which sees the point at/ }));
    const seen = page.getByRole('button', { name: /which sees the point at/ });
    expect(await seen.count()).toBeGreaterThanOrEqual(2);
    await screenshot(page, 'scene-point');
    await expectAccessible(page, 'a point and its photos');
    const name = /image_\d+\.jpg/.exec((await seen.first().getAttribute('aria-label')) ?? '')?.[0] ?? '';
    await seen.first().click();
    await page.getByRole('region', { name: 'Photo' }).getByText(name).waitFor();
    await page.keyboard.press('Escape');
  });

  test('looks through a camera that is clicked, to the next one, and back', async () => {
    await open();
    const mouse = await pointUntil(page, canvas(), page.getByText(/^image_\d+\.jpg$/).last());
    await mouse.down();
    await mouse.up();
    const bar = page.getByRole('region', { name: 'Photo' });
    await bar.getByText(/camera \d+ of 12/).waitFor();
    await page.locator('img[alt^="image_"]').first().waitFor();
    await screenshot(page, 'scene-through');
    await expectAccessible(page, 'the view through a camera');
    const first = await bar.getByText(/camera \d+ of 12/).textContent();
    await bar.getByRole('button', { name: 'Next camera' }).click();
    await expect.poll(() => bar.getByText(/camera \d+ of 12/).textContent()).not.toBe(first);
    await bar.getByRole('button', { name: 'Leave the camera' }).click();
    await bar.waitFor({ state: 'detached' });
  });

  test('colours points by what is chosen, and says what the colours mean', async () => {
    await open();
    for (const name of ['Height', 'Reprojection error', 'Track length']) {
      await colours().getByLabel(name).check({ force: true });
      await page.locator('figcaption').waitFor();
      await expect.poll(differsFromHome).toBeGreaterThan(0.003);
      await screenshot(page, `scene-by-${name.toLowerCase().replace(' ', '-')}`);
    }
    await colours().getByLabel('Photo colour').check({ force: true });
    await expect.poll(differsFromHome).toBeLessThan(0.001);
  });

  test('cuts the scene open, and stands it upright otherwise', async () => {
    await open();
    const whole = await picture(page);
    await page.getByRole('button', { name: 'Section' }).click();
    await page.getByRole('radio', { name: 'Keep above' }).check({ force: true });
    await expect.poll(async () => differingShare(page, whole, await picture(page))).toBeGreaterThan(0.003);
    await screenshot(page, 'scene-section');
    await waitUntilTrue(page, 'location.hash.includes("cut=y")');
    await page.getByRole('button', { name: 'Section' }).click();
    await page.getByLabel('Up').selectOption('+z');
    await waitUntilTrue(page, 'location.hash.includes("up=")');
    expect(await hash()).toMatch(/up=[+ ]z/);
    await expect.poll(differsFromHome).toBeGreaterThan(0.01);
  });

  test('does everything by keys', async () => {
    await open();
    const view = page.getByRole('application');
    await view.focus();
    const eye = async () => /eye=([^&]*)/.exec(await hash())?.[1];
    for (const key of ['ArrowLeft', '+', 'Shift+ArrowUp']) {
      const before = await eye();
      await page.keyboard.press(key);
      await expect.poll(eye).not.toBe(before);
    }
    await page.keyboard.press('2');
    await page.locator('figcaption').waitFor();
    await page.keyboard.press('x');
    await page.getByRole('button', { name: 'Section', pressed: true }).waitFor();
    await page.keyboard.press('.');
    const bar = page.getByRole('region', { name: 'Photo' });
    await bar.getByText('camera 1 of 12').waitFor();
    await page.keyboard.press('Escape');
    await bar.waitFor({ state: 'detached' });
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'How to move about' }).waitFor();
    await screenshot(page, 'scene-help');
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.keyboard.press('m');
    await page.getByText('Click a point at each end').waitFor();
  });

  test('opens the same view by a link that was copied', async () => {
    await open();
    await colours().getByLabel('Height').check({ force: true });
    await page.getByRole('application').focus();
    for (const key of ['ArrowLeft', 'ArrowLeft', 'ArrowUp', '+', '+', 'x']) await page.keyboard.press(key);
    await page.getByRole('button', { name: 'Copy a link to this view' }).click();
    await page.getByText('The link is copied').waitFor();
    const link = (await page.evaluate('navigator.clipboard.readText()')) as string;
    expect(link).toContain(`/jobs/${job}/scene#`);
    const before = await picture(page);
    await page.goto('about:blank');
    await page.goto(link);
    expect(await colours().getByLabel('Height').isChecked()).toBe(true);
    await expect.poll(async () => differingShare(page, before, await picture(page))).toBeLessThan(0.005);
    expect(await differingShare(page, before, home)).toBeGreaterThan(0.01);
  });
});
