/** Every page in light and dark, wide and as a phone has it: nothing stands out, and everybody can use it. */

import { beforeAll, test } from 'vitest';
import { expectAccessible, expectFits, inBrowser, LOOKS, openPage, screenshot, signIn, waitUntilTrue } from './browser';
import { Client } from './client';
import { ADMIN } from './service';

inBrowser('every page is fit to be seen', (stage) => {
  let job = '';
  let other = '';

  beforeAll(async () => {
    const client = await Client.of(stage.service, ADMIN);
    other = await client.begin(stage.service.photos, 'quick');
    job = await client.begin(stage.service.photos, 'quick');
    await client.ended(job);
  });

  test.each(Object.keys(LOOKS) as (keyof typeof LOOKS)[])('%s', async (look) => {
    const page = await openPage(stage.browser, LOOKS[look]);
    await signIn(page, stage.service, ADMIN, '/status');
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
      compare: `/compare?a=${job}&b=${other}`,
      'no-job': '/jobs/job_0',
      'no-page': '/nothing',
    };
    for (const [name, path] of Object.entries(pages)) {
      await page.goto(stage.service.url + path);
      await page.locator('h1, h2').first().waitFor();
      await waitUntilTrue(page, IS_SETTLED);
      await screenshot(page, `${name}-${look}`);
      // dark and narrow by themselves are looked at already
      if (look !== 'narrow-dark') await expectAccessible(page, `${name}, ${look}`);
      await expectFits(page, `${name}, ${look}`);
    }
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await screenshot(page, `sign-in-${look}`);
    await page.close();
  });
});

/** Nothing is on its way any more: no skeleton, no part of a scene, no small picture. */
const IS_SETTLED = `!document.querySelector('.animate-pulse') &&
  !document.body.innerText.includes('Loading the') &&
  [...document.querySelectorAll('[data-loading]')].every((one) => one.dataset.loading === 'false') &&
  [...document.images].every((one) => one.complete)`;
