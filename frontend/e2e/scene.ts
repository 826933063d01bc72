/** What tests do with a drawn scene: where its points are is not known beforehand. */

import type { Locator, Page } from 'playwright-core';
import { waitUntilTrue } from './browser';

const NUM_TRIES = 60;

/** What a click brings is there by then. */
const PAUSE_MS = 400;

/** The scene stands: everything that is drawn has been fetched. */
export async function settled(page: Page) {
  await page.locator('canvas').first().waitFor();
  await waitUntilTrue(
    page,
    `[...document.querySelectorAll('[data-loading]')].every((one) => one.dataset.loading === 'false' && one.dataset.pointsShown > 0)`,
  );
}

/** Clicks in a widening spiral around the middle, from so far outside as a share, until something is there. */
export async function clickUntil(page: Page, canvas: Locator, there: Locator, offset = 0) {
  for await (const [x, y] of spiral(canvas, offset)) {
    await page.mouse.click(x, y);
    if (await comes(there)) return;
  }
  throw new Error('no click brought what was waited for');
}

/** Moves the pointer in a widening spiral until something is there; it stays at that place. */
export async function pointUntil(page: Page, canvas: Locator, there: Locator) {
  for await (const [x, y] of spiral(canvas, 0)) {
    await page.mouse.move(x, y);
    if (await comes(there, 150)) return page.mouse;
  }
  throw new Error('nowhere is what was waited for');
}

async function* spiral(canvas: Locator, offset: number): AsyncGenerator<[number, number]> {
  await canvas.scrollIntoViewIfNeeded();
  const box = await canvas.boundingBox();
  if (!box) throw new Error('the canvas has no size');
  for (let step = 0; step < NUM_TRIES; step += 1) {
    const reach = (0.35 * step) / NUM_TRIES + offset;
    const x = box.x + box.width * (0.5 + reach * Math.cos(step * 2.4));
    const y = box.y + box.height * (0.5 + reach * Math.sin(step * 2.4));
    yield [x, y];
  }
}

function comes(there: Locator, timeout = PAUSE_MS): Promise<boolean> {
  return there
    .first()
    .waitFor({ timeout })
    .then(
      () => true,
      () => false,
    );
}

/** What the canvas shows now, as a PNG. */
export async function picture(page: Page): Promise<Buffer> {
  await settled(page);
  return page.locator('canvas').first().screenshot();
}

/** Share of pixels that differ visibly between two pictures of one size, counted by the browser. */
export async function differingShare(page: Page, a: Buffer, b: Buffer): Promise<number> {
  const count = `async ([a, b]) => {
    const pixels = async (base64) => {
      const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
      const bitmap = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
      const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
      const context = canvas.getContext('2d');
      context.drawImage(bitmap, 0, 0);
      return context.getImageData(0, 0, bitmap.width, bitmap.height).data;
    };
    const [one, other] = [await pixels(a), await pixels(b)];
    if (one.length !== other.length) return 1;
    let differing = 0;
    for (let i = 0; i < one.length; i += 4) {
      const off = Math.max(...[0, 1, 2].map((channel) => Math.abs(one[i + channel] - other[i + channel])));
      if (off > 24) differing += 1;
    }
    return (4 * differing) / one.length;
  }`;
  const pictures = JSON.stringify([a.toString('base64'), b.toString('base64')]);
  return (await page.evaluate(`(${count})(${pictures})`)) as number;
}
