/** The server's state: its figures for admins, for nobody else. */

import { expect, test } from 'vitest';
import { expectAccessible, inBrowser, openPage, screenshot, signIn } from './browser';
import { Client } from './client';
import { ADMIN, USERS } from './service';

inBrowser('the status page', (stage) => {
  test('shows admins what the server really counts', async () => {
    const client = await Client.of(stage.service, USERS.status);
    await client.ended(await client.begin(stage.service.photos.slice(0, 3), 'quick'));
    const page = await openPage(stage.browser);
    await signIn(page, stage.service, ADMIN, '/status');
    await page.getByRole('row', { name: /Worker: runs the jobs ready/ }).waitFor();
    const row = page.getByRole('row', { name: /^Find keypoints aliked/ });
    await row.waitFor();
    expect(await row.getByRole('cell').nth(2).textContent()).toMatch(/^[1-9]/);
    await page.getByText('worker runs').waitFor();
    const photos = page.locator('dt', { hasText: /^Photos$/ }).locator('xpath=following-sibling::dd/span[1]');
    expect(Number((await photos.textContent())?.replace(',', ''))).toBeGreaterThanOrEqual(3);
    await expectAccessible(page, 'status of an admin');
    await screenshot(page, 'status-admin');
    await page.close();
  });

  test('shows others whether the server can work, and asks for no figures', async () => {
    const page = await openPage(stage.browser);
    const asked: string[] = [];
    page.on('request', (request) => asked.push(new URL(request.url()).pathname));
    await signIn(page, stage.service, USERS.status, '/status');
    await page.getByText('Queue, devices and throughput are shown to admins.').waitFor();
    expect(asked).toContain('/readyz');
    expect(asked).not.toContain('/metrics');
    await screenshot(page, 'status-user');
    await page.close();
    expect(await (await Client.of(stage.service, USERS.status)).status('/metrics')).toBe(403);
  });
});
