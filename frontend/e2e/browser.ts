/** Debian's Chromium, with WebGL by software, and what tests do with its pages. */

import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject } from 'vitest';
import { CHROMIUM, type Service, type User } from './service';

/** Kept out of git; to be looked at. */
const SCREENSHOTS = 'e2e/screenshots';

/** Where tests run: filled in before the first of them. */
export interface Stage {
  service: Service;
  browser: Browser;
}

/** Tests with a browser of their own against the service of all; skipped where there is none. */
export function inBrowser(what: string, tests: (stage: Stage) => void) {
  const service = inject('service');
  describe.skipIf(service === null)(what, () => {
    const stage = { service } as Stage;
    beforeAll(async () => {
      stage.browser = await startBrowser();
    });
    afterAll(() => stage.browser?.close());
    tests(stage);
  });
}

function startBrowser(): Promise<Browser> {
  const quiet = ['--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
  return chromium.launch({
    executablePath: CHROMIUM,
    args: ['--no-sandbox', '--disable-quic', '--use-angle=swiftshader', '--enable-unsafe-swiftshader', ...quiet],
  });
}

/** A page that fails the test by what goes wrong on it unseen. */
export async function openPage(browser: Browser, options: Parameters<Browser['newPage']>[0] = {}): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 860 }, ...options });
  page.setDefaultTimeout(30_000);
  page.on('pageerror', (error) => {
    throw error;
  });
  return page;
}

export async function signIn(page: Page, service: Service, user: User, path: string) {
  await page.goto(service.url + path);
  await page.getByLabel('Name').fill(user.name);
  await page.getByLabel('Password').fill(user.password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('button', { name: 'Sign out' }).waitFor();
}

/** Each page in light and dark, wide and as a phone has it: to be looked at. */
export const LOOKS = {
  light: { colorScheme: 'light' },
  dark: { colorScheme: 'dark' },
  narrow: { colorScheme: 'light', viewport: { width: 390, height: 844 }, hasTouch: true },
  'narrow-dark': { colorScheme: 'dark', viewport: { width: 390, height: 844 }, hasTouch: true },
} as const;

/** Waits until an expression holds in the page; from outside, since the page's own policy lets it evaluate no text. */
export async function waitUntilTrue(page: Page, expression: string) {
  while (!(await page.evaluate(expression))) await page.waitForTimeout(50);
}

export async function screenshot(page: Page, name: string) {
  mkdirSync(SCREENSHOTS, { recursive: true });
  // what sticks to the window would stand in the middle of the page
  await page.evaluate('window.scrollTo(0, 0)');
  await page.screenshot({ path: `${SCREENSHOTS}/${name}.png`, fullPage: true, animations: 'disabled' });
}

/** Files let go over an element, as the browser's own protocol does it: with names, folders and all. */
export async function drop(page: Page, onto: string, files: readonly string[]) {
  const box = await page.locator(onto).first().boundingBox();
  if (!box) throw new Error(`${onto} is not there to drop files on`);
  const session = await page.context().newCDPSession(page);
  const data = { items: [], files: [...files], dragOperationsMask: 1 };
  const at = { x: box.x + box.width / 2, y: box.y + box.height / 2, data };
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const)
    await session.send('Input.dispatchDragEvent', { type, ...at });
}

/** Drops photos on the page of new reconstructions. */
export async function dropPhotos(page: Page, photos: readonly string[]) {
  await page.getByText('Drop photos, a folder or a ZIP here').waitFor();
  await drop(page, 'text=Drop photos, a folder or a ZIP here', photos);
}

/** The connection of a page: as it is, slow upwards, or none. */
export async function network(
  page: Page,
): Promise<(is: { offline?: boolean; uploadThroughput?: number }) => Promise<void>> {
  // one session for all: of two, one would overrule the other
  const session = await page.context().newCDPSession(page);
  await session.send('Network.enable');
  const asItIs = { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: -1 };
  return async (is) => {
    await session.send('Network.emulateNetworkConditions', { ...asItIs, ...is });
  };
}

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

interface Violation {
  id: string;
  impact: string | null;
  nodes: { html: string }[];
}

/** No serious or critical issue on what is shown. */
export async function expectAccessible(page: Page, what: string) {
  await page.evaluate(AXE);
  const found = await page.evaluate('axe.run().then(({ violations }) => violations)');
  const serious = (found as Violation[]).filter(({ impact }) => impact === 'serious' || impact === 'critical');
  const told = serious.map(({ id, nodes }) => `${what}: ${id}: ${nodes.map(({ html }) => html).join('\n')}`);
  expect(told).toEqual([]);
}

/** Nothing stands out to the side: a page is scrolled down only. */
export async function expectFits(page: Page, what: string) {
  const [content, window] = (await page.evaluate(
    '[document.documentElement.scrollWidth, document.documentElement.clientWidth]',
  )) as [number, number];
  expect(content, `${what} is wider than its window`).toBeLessThanOrEqual(window);
}
