/** After sign-in one comes back to where one was, and nowhere else. */

import { expect, test } from 'vitest';
import { returnPath, signInPath } from './returnTo';

test('the way to sign-in leads back', () => {
  const path = signInPath({ pathname: '/jobs/job_1', search: '?a=b&c', hash: '#x' });
  expect(returnPath(path.slice(path.indexOf('?')))).toBe('/jobs/job_1?a=b&c#x');
  expect(signInPath({ pathname: '/', search: '', hash: '' })).toBe('/sign-in');
});

test('it leads to no other site', () => {
  for (const to of [
    'https://evil.example/',
    '//evil.example/x',
    '/\\evil.example',
    'javascript:alert(1)',
    '',
    '/sign-in',
  ]) {
    expect(returnPath(`?to=${encodeURIComponent(to)}`)).toBe('/jobs');
  }
});
