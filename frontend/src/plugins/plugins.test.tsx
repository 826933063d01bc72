/** What is installed, in each of its states. */

import { screen } from '@testing-library/react';
import { expect, test } from 'vitest';
import { expectAccessible } from '../test/axe';
import { json, problem, serve, show } from '../test/service';
import { PluginPage } from './PluginPage';
import { PluginsPage } from './PluginsPage';

const ROUTES = [
  { path: '/plugins', element: <PluginsPage /> },
  { path: '/plugins/:id', element: <PluginPage /> },
];

const aliked = {
  id: 'aliked',
  kind: 'extractor',
  state: 'ready',
  version: '0.1.0',
  license: 'Apache-2.0',
  summary: 'ALIKED',
};
const broken = { id: 'broken', kind: 'mapper', state: 'unusable', problem: 'abi_mismatch' };

test('plugins stand by what they do, those that do not load with why', async () => {
  serve({ 'GET /api/v1/plugins': () => json({ plugins: [aliked, broken] }) });
  const { container } = await show(ROUTES, '/plugins');
  expect(await screen.findByRole('row', { name: /aliked ready ALIKED 0.1.0 Apache-2.0/ })).toBeVisible();
  expect(screen.getByRole('row', { name: /broken unusable abi_mismatch/ })).toBeVisible();
  await expectAccessible(container);
});

test('none, and none to be had', async () => {
  serve({ 'GET /api/v1/plugins': () => json({ plugins: [] }) });
  await show(ROUTES, '/plugins');
  expect(await screen.findByText('No plugin is installed')).toBeVisible();
});

test('a plugin shows its ports, weights and every value of its config', async () => {
  const descriptor = {
    source: 'Zhao et al., 2023',
    inputs: [{ name: 'pixels', dtype: 'u8', shape: '[H, W, 3]', doc: 'RGB', optional: false }],
    devices: ['cpu', 'cuda'],
    weights: [{ name: 'n16', file: 'aliked-n16.pth', sha256: 'ab', license: 'BSD-3-Clause' }],
    config_schema: {
      type: 'object',
      properties: {
        nms_radius: { type: 'integer', minimum: 1, maximum: 16, default: 2, 'x-unit': 'px', description: 'Apart.' },
      },
    },
  };
  serve({ 'GET /api/v1/plugins/aliked': () => json({ ...aliked, descriptor }) });
  const { container } = await show(ROUTES, '/plugins/aliked');
  expect(await screen.findByRole('row', { name: 'nms_radius Apart. 1 to 16 px 2' })).toBeVisible();
  expect(screen.getByText('aliked-n16.pth')).toBeVisible();
  await expectAccessible(container);
});

test('a plugin that does not load says so; one that is not there is no page', async () => {
  serve({
    'GET /api/v1/plugins/broken': () => json({ ...broken, descriptor: null }, 200),
    'GET /api/v1/plugins/none': () => problem(404, 'not_found', 'there is no such plugin'),
  });
  const { router } = await show(ROUTES, '/plugins/none');
  expect(await screen.findByText('No such page')).toBeVisible();
  await router.navigate('/plugins/broken');
  expect(await screen.findByText('It does not load on this server.')).toBeVisible();
});
