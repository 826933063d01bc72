/** Debian's Chromium, with WebGL by software, and what tests do with its pages. */

import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Browser, chromium, type Page } from 'playwright-core';
import { expect } from 'vitest';
import { missingProgram, type Service, type USER } from './service';

const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';

/** Kept out of git; to be looked at. */
const SCREENSHOTS = 'e2e/screenshots';

/** Why nothing can be driven here; printed, so that what is skipped is seen to be. */
export function reasonToSkip(): string | undefined {
  const reason = existsSync(CHROMIUM)
    ? missingProgram()
    : `there is no ${CHROMIUM}: install chromium, or name it by CHROMIUM`;
  if (reason) process.stderr.write(`skipped: ${reason}\n`);
  return reason;
}

export function startBrowser(): Promise<Browser> {
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

export async function signIn(page: Page, service: Service, user: typeof USER, path: string) {
  await page.goto(service.url + path);
  await page.getByLabel('Name').fill(user.name);
  await page.getByLabel('Password').fill(user.password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('button', { name: 'Sign out' }).waitFor();
}

export async function screenshot(page: Page, name: string) {
  mkdirSync(SCREENSHOTS, { recursive: true });
  // what sticks to the window would stand in the middle of the page
  await page.evaluate('window.scrollTo(0, 0)');
  await page.screenshot({ path: `${SCREENSHOTS}/${name}.png`, fullPage: true });
}

/** Files let go over an element, as the browser's own protocol does it: with names, folders and all. */
export async function drop(page: Page, onto: string, files: string[]) {
  const box = await page.locator(onto).first().boundingBox();
  if (!box) throw new Error(`${onto} is not there to drop files on`);
  const session = await page.context().newCDPSession(page);
  const data = { items: [], files, dragOperationsMask: 1 };
  const at = { x: box.x + box.width / 2, y: box.y + box.height / 2, data };
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const)
    await session.send('Input.dispatchDragEvent', { type, ...at });
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
